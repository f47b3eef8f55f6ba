/** Numbers as people read them. */

const steps = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]] as const;

/** `3d 4h ago`: the two largest units. */
export function ago(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, unit] of steps) {
    if (rest >= size && parts.length < 2) parts.push(`${Math.floor(rest / size)}${unit}`);
    rest %= size;
  }
  return parts.length === 0 ? "just now" : `${parts.join(" ")} ago`;
}

/** A share of 0 to 1. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

export function rtt(millis: number | null): string {
  return millis === null ? "-" : `${millis.toFixed(2)}ms`;
}

const units = ["", "k", "M", "G", "T"];

/** Three digits and a unit of thousands: `9.41 G`, `512`. */
export function scaled(value: number): string {
  let rest = value;
  let step = 0;
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step++;
  }
  if (step === 0) return rest.toFixed(0);
  return `${rest.toFixed(rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2)} ${units[step]}`;
}

/** `9.41 Gbit/s`, `812 kp/s`, `512 bit/s`. */
export function rate(value: number, unit: string): string {
  const text = scaled(value);
  return text.includes(" ") ? `${text}${unit}/s` : `${text} ${unit}/s`;
}

export function loss(share: number | null): string {
  return share === null ? "-" : `${(100 * share).toFixed(2)}%`;
}
