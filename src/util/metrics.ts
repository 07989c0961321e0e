/** The one door to prom-client: a registry per node, so that several nodes live in one process. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

const EVENT_LOOP_SAMPLE_MS = 200;

export class Metrics {
  readonly #registry = new Registry();

  /** Process metrics: once per process, by the daemon. */
  collectProcess(): void {
    // The default of 10 ms wakes an idle process 100 times a second: half a percent of a core.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  }

  counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.#registry] });
  }

  /** @param read called at every scrape */
  gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
