import { DURATION_BUCKETS } from './metric-families.ts';
import type { HistogramSample, Sample } from './metrics-snapshot.ts';

/** A guard, not a limit that is met: endpoints and error codes are constants of the code. */
const MAXIMUM_SERIES = 100;

/** Counted by the hundreds digit of the status; 0 is for requests whose client was gone. */
const STATUS_CLASSES = ['aborted', '1xx', '2xx', '3xx', '4xx', '5xx'];

class EndpointCounts {
  readonly statuses = new Array<number>(STATUS_CLASSES.length).fill(0);
  /** By status class and error code. */
  readonly errors = new Map<string, number>();
  readonly buckets = new Array<number>(DURATION_BUCKETS.length + 1).fill(0);
  sum = 0;
}

/** Counts requests. Numbers in arrays: what it costs a request is under a microsecond; strings are made when it is read. */
export class RequestMetrics {
  readonly #endpoints = new Map<string, EndpointCounts>();

  /** `statusClass` is the hundreds digit of the status, or 0 for a request whose client was gone. */
  ended(endpoint: string, statusClass: number, error: string | undefined, seconds: number): void {
    const counts = this.#endpoints.get(endpoint) ?? this.#add(endpoint);
    counts.sum += seconds;
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && seconds > (DURATION_BUCKETS[bucket] as number)) bucket += 1;
    counts.buckets[bucket] = (counts.buckets[bucket] as number) + 1;
    if (error === undefined) counts.statuses[statusClass] = (counts.statuses[statusClass] ?? 0) + 1;
    else this.#countError(counts, statusClass, error);
  }

  #add(endpoint: string): EndpointCounts {
    const name = this.#endpoints.size < MAXIMUM_SERIES ? endpoint : 'other';
    const counts = this.#endpoints.get(name) ?? new EndpointCounts();
    this.#endpoints.set(name, counts);
    return counts;
  }

  #countError({ errors }: EndpointCounts, statusClass: number, error: string): void {
    const isCode = /^[a-z_]{1,64}$/.test(error) && errors.size < MAXIMUM_SERIES;
    const key = `${statusClass} ${isCode ? error : 'other'}`;
    errors.set(key, (errors.get(key) ?? 0) + 1);
  }

  read(): { samples: Sample[]; histograms: HistogramSample[] } {
    const samples: Sample[] = [];
    const histograms: HistogramSample[] = [];
    for (const [endpoint, { statuses, errors, buckets, sum }] of this.#endpoints) {
      const add = (statusClass: number, error: string, value: number): void => {
        const labels = [endpoint, STATUS_CLASSES[statusClass] ?? 'aborted', error];
        if (value > 0) samples.push({ name: 'latchkey_http_requests_total', labels, value });
      };
      for (const [statusClass, value] of statuses.entries()) add(statusClass, '', value);
      for (const [key, value] of errors) {
        const [statusClass = '0', error = ''] = key.split(' ');
        add(Number(statusClass), error, value);
      }
      const name = 'latchkey_http_request_duration_seconds';
      histograms.push({ name, labels: [endpoint], buckets: [...buckets], sum });
    }
    return { samples, histograms };
  }
}
