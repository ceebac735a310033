export { type Analytics, type AnalyticsParts, createAnalytics } from './analytics.js';
export { AnalyticsConfig, QUERY_CONNECTIONS } from './config.js';
