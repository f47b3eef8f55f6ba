/**
 * Whether the kernel passes packets on between interfaces. It has to, on the way in and on the way out, for a host that is
 * exposed; so the setting is turned on where it is off, noted in our table, and turned off again by who removes that.
 *
 * A setting of our interface alone was rejected: the kernel asks the interface by which a packet comes, and answers come by
 * others.
 */
import type { HostChange, HostPlan } from "../../../core/contracts/exposure.ts";
import { noteName } from "./own_table.ts";
import type { Step } from "./foreign_rules.ts";
import type { Survey } from "./survey.ts";

const settings = { 4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding" } as const;
const families = [4, 6] as const;

export interface ForwardingPlan {
  /** What we have turned on, earlier or by `turnOn`. */
  readonly turnedOn: Readonly<Record<4 | 6, boolean>>;
  readonly turnOn: readonly Step[];
  readonly turnOff: readonly Step[];
  readonly problems: readonly string[];
}

/** `before` is what was turned on by us as far as this run knows: the table may have been flushed. */
export function forwardingPlan(
  survey: Survey,
  plan: HostPlan | undefined,
  before: Readonly<Record<4 | 6, boolean>>,
): ForwardingPlan {
  const noted = { 4: before[4] || hasNote(survey, 4), 6: before[6] || hasNote(survey, 6) };
  const wanted = families.filter((family) =>
    plan?.device !== undefined && plan.ranges.some(({ address }) => address.family === family)
  );
  const lacking = wanted.filter((family) => survey.forwards[family] === false);
  const refused = lacking.filter((family) => family === 6 && survey.isAdvertised);
  const turnOn = lacking.filter((family) => !refused.includes(family));
  const turnOff = families.filter((family) =>
    noted[family] && !wanted.includes(family) && !isDockers(survey, family)
  );
  const isOn = (family: 4 | 6) => turnOn.includes(family) || (noted[family] && wanted.includes(family));
  return {
    turnedOn: { 4: isOn(4), 6: isOn(6) },
    turnOn: turnOn.map((family) => ({ change: changeOf(family), text: put(family, 1) })),
    turnOff: turnOff.map((family) => ({ change: changeOf(family), text: put(family, 0) })),
    problems: refused.map(() =>
      "IPv6 is not forwarded: with net.ipv6.conf.all.forwarding=1 this host would lose its default route, which it has " +
      "from router advertisements; set accept_ra=2 on that interface and turn forwarding on"
    ),
  };
}

export function changeOf(family: 4 | 6): HostChange {
  return { tool: "sysctl", place: settings[family], what: "1, was 0" };
}

function hasNote({ chains }: Survey, family: 4 | 6): boolean {
  return chains.some(({ table, name }) => table === "selvage" && name === noteName(family));
}

/** Docker, which came after us and found the setting on, cannot work without it. */
function isDockers({ iptables }: Survey, family: 4 | 6): boolean {
  return iptables.some((table) => table.family === family && table.chains["DOCKER-USER"] !== undefined);
}

function put(family: 4 | 6, value: 0 | 1): string {
  return `echo ${value} >/proc/sys/${settings[family].replaceAll(".", "/")}`;
}
