export { LinkType, type LinkTypeName, linkTypeName, linkTypeNumber } from './link-type.js';
