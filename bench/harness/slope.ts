/** The straight line through points in time, by least squares: whether memory grows. */

export interface Point {
  readonly seconds: number;
  readonly kib: number;
}

/** KiB per second; 0 when all points are of one moment, as nothing can be said then. */
export function slopeOf(points: readonly Point[]): number {
  const meanX = mean(points.map(({ seconds }) => seconds));
  const meanY = mean(points.map(({ kib }) => kib));
  let covariance = 0;
  let variance = 0;
  for (const { seconds, kib } of points) {
    covariance += (seconds - meanX) * (kib - meanY);
    variance += (seconds - meanX) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
