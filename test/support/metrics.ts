/** Reads the Prometheus text exposition format (0.0.4), as far as the gateway writes it. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export class Metrics {
  readonly samples: readonly Sample[];

  constructor(samples: readonly Sample[]) {
    this.samples = samples;
  }

  static parse(text: string): Metrics {
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Metrics(lines.map(parseSample));
  }

  /** Samples of one name whose labels include the given ones. */
  find(name: string, labels: Readonly<Record<string, string>> = {}): Sample[] {
    const wanted = Object.entries(labels);
    return this.samples.filter(
      (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
    );
  }

  /** Sum over all such samples; 0 when there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.find(name, labels).reduce((total, sample) => total + sample.value, 0);
  }

  /** Names that hold the given text; for messages of failed assertions. */
  names(part = ""): string[] {
    return [...new Set(this.samples.map((sample) => sample.name))].filter((name) => name.includes(part));
  }
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`not a sample of the exposition format: ${line}`);
  const labels: Record<string, string> = {};
  for (const [, key, value] of (match[2] ?? "").matchAll(LABEL)) {
    if (key !== undefined && value !== undefined) labels[key] = value.replace(/\\(["\\])/g, "$1");
  }
  return { name: match[1] ?? "", labels, value: Number(match[3]?.replace("Inf", "Infinity")) };
}
