import * as contract from '@bpfleet/contract';
import { hasNoContent } from './call.js';
import { Components, type Json } from './open-api-components.js';
import type { Operation } from './operation.js';

export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: OpenApiInfo;
  readonly paths: Record<string, Json>;
  readonly components: { readonly schemas: Json };
}

/**
 * The OpenAPI 3.1 document of these operations. Each schema that the contract exports becomes a component under its
 * name. Requests show what may be left out, answers what is always there, so a schema may appear in two forms.
 */
export function openApiDocument(info: OpenApiInfo, operations: readonly Operation[]): OpenApiDocument {
  const schemas = new Components(operations);
  const paths: Record<string, Json> = {};
  for (const operation of operations.toSorted(byPathThenMethod)) {
    const path = paths[operation.route.path] ?? {};
    path[operation.route.method.toLowerCase()] = operationObject(operation, schemas);
    paths[operation.route.path] = path;
  }
  return { openapi: '3.1.0', info, paths, components: { schemas: schemas.used() } };
}

const byPathThenMethod = (a: Operation, b: Operation): number =>
  `${a.route.path} ${a.route.method}` < `${b.route.path} ${b.route.method}` ? -1 : 1;

function operationObject(operation: Operation, schemas: Components): Json {
  const { route, operationId, tag, summary, status = 200, produces = [], headers = {}, alsoAnswers = {} } = operation;
  const parameters = [...pathParameters(route), ...queryParameters(route, schemas), ...headerParameters(headers)];
  const others = Object.entries(alsoAnswers).map(([code, description]) => [code, { description }]);
  const content = Object.fromEntries(produces.map((type) => [type, {}]));
  return {
    operationId,
    tags: [tag],
    ...(summary ? { summary } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body ? { requestBody: { required: true, content: json(schemas.reference(route.body, 'input')) } } : {}),
    responses: {
      ...(hasNoContent(route)
        ? { 204: { description: 'Done.' } }
        : {
            [status]: {
              description: status === 201 ? 'Made.' : 'The answer.',
              content: { ...json(schemas.reference(route.response, 'output')), ...content },
            },
          }),
      ...Object.fromEntries(others),
      default: {
        description: 'Problem details (RFC 9457); `code` is stable.',
        content: { 'application/problem+json': { schema: schemas.reference(contract.Problem, 'output') } },
      },
    },
  };
}

const json = (schema: Json): Json => ({ 'application/json': { schema } });

const pathParameters = (route: contract.Route): Json[] =>
  [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));

const headerParameters = (headers: Readonly<Record<string, string>>): Json[] =>
  Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));

function queryParameters(route: contract.Route, schemas: Components): Json[] {
  if (!route.query) return [];
  const { properties = {}, required = [] } = schemas.inline(route.query, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description ? { description } : {}),
    schema,
  }));
}
