export { type Analytics, type AnalyticsParts, createAnalytics } from './analytics.js';
export { AnalyticsConfig } from './config.js';
