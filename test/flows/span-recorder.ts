/**
 * An OpenTelemetry SDK as an operator would load it (`node --import=…`): spans end in memory and are written to standard error when
 * SIGUSR2 asks for them. The context manager and the propagator are the smallest ones that do what those of the SDK's other packages do.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { type Context, context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A span that has ended, as it is told. */
export interface RecordedSpan {
  name: string;
  kind: number;
  status: number;
  attributes: Record<string, unknown>;
  events: unknown[];
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
}

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);

const contexts = new AsyncLocalStorage<Context>();
const manager: Parameters<typeof context.setGlobalContextManager>[0] = {
  active: () => contexts.getStore() ?? ROOT_CONTEXT,
  with: (present, work, self, ...parameters) =>
    contexts.run(present, () => work.call(self as never, ...parameters)),
  bind: (_present, target) => target,
  enable: () => manager,
  disable: () => manager,
};
context.setGlobalContextManager(manager);

propagation.setGlobalPropagator({
  inject: () => {},
  fields: () => ['traceparent'],
  extract: (present, carrier) => {
    const [, traceId, spanId] =
      /^00-([0-9a-f]{32})-([0-9a-f]{16})-01$/.exec(
        String((carrier as Record<string, unknown>).traceparent),
      ) ?? [];
    if (traceId === undefined || spanId === undefined) return present;
    return trace.setSpanContext(present, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
});

process.on('SIGUSR2', () => {
  const spans = exporter.getFinishedSpans().map(
    (span): RecordedSpan => ({
      name: span.name,
      kind: span.kind,
      status: span.status.code,
      attributes: span.attributes,
      events: span.events,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parentSpanId: span.parentSpanContext?.spanId,
    }),
  );
  writeSync(2, `SPANS ${JSON.stringify(spans)}\n`);
});
