/**
 * Spans for OpenTelemetry: one for each request, with children for the store's calls and for password hashing. Dormant
 * unless an SDK was loaded before this program (`node --import …`): then not even the API is loaded, and nothing is
 * wrapped. A span carries names and outcomes alone: no path, no query, no argument of a call.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Span } from '@opentelemetry/api';
import { noteOf } from './request-note.ts';

/** Where the API (of this major version) keeps what an SDK registers; asking there spares loading 6 MiB to find out that there is none. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/** Makes spans. */
export interface Tracing {
  /** Runs a request in a span that ends with its answer. `isTrusted`: whether its `traceparent` is believed. */
  request(
    request: IncomingMessage,
    response: ServerResponse,
    options: { isTrusted: boolean },
    handle: () => void,
  ): void;
  /** Runs some work in a child of the present span. */
  span<Value>(name: string, work: () => Promise<Value>): Promise<Value>;
}

/** Finds the SDK that was loaded; undefined when there is none, which costs nothing from there on. */
export async function openTracing(): Promise<Tracing | undefined> {
  const registered = (globalThis as Record<symbol, unknown>)[REGISTERED] as { trace?: unknown } | undefined;
  if (registered?.trace === undefined) return undefined;
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = await import(
    '@opentelemetry/api'
  );
  const tracer = trace.getTracer('latchkey');

  function endRequest(span: Span, request: IncomingMessage, response: ServerResponse): void {
    const note = noteOf(request);
    const { statusCode } = response;
    if (note !== undefined) {
      span.updateName(`${request.method} ${note.endpoint}`);
      span.setAttribute('http.route', note.endpoint);
      if (note.error !== undefined) span.setAttribute('error.type', note.error);
    }
    if (response.headersSent) span.setAttribute('http.response.status_code', statusCode);
    if (statusCode >= 500 || !response.writableFinished) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  return {
    request(request, response, { isTrusted }, handle) {
      const active = context.active();
      // Anybody may send a `traceparent`: believed, it would let strangers choose what is sampled, and join their requests
      // to traces of ours.
      const isOutermost = trace.getSpan(active) === undefined;
      const parent = isOutermost && isTrusted ? propagation.extract(ROOT_CONTEXT, request.headers) : active;
      const span = tracer.startSpan(
        String(request.method),
        { kind: SpanKind.SERVER, attributes: { 'http.request.method': String(request.method) } },
        parent,
      );
      response.once('close', () => endRequest(span, request, response));
      context.with(trace.setSpan(parent, span), handle);
    },

    async span(name, work) {
      const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL });
      try {
        return await context.with(trace.setSpan(context.active(), span), work);
      } catch (error) {
        // Its name alone: messages may repeat what came from outside.
        span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
        span.setStatus({ code: SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
  };
}
