/**
 * Whether the kernel passes packets on between interfaces. It has to, on the way in and on the way out, for a host that is
 * exposed; so the setting is turned on where it is off, noted in our table, and turned off again by who removes that.
 *
 * A setting of our interface alone was rejected: the kernel asks the interface by which a packet comes, and answers come by
 * others.
 */
import type { HostChange, HostPlan } from "../../../core/contracts/exposure.ts";
import { isOwnTable, noteName } from "./own_table.ts";
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

export interface ForwardingBefore {
  /** Of our table. */
  readonly name: string;
  /** What was turned on by us as far as this run knows: the table may have been flushed. */
  readonly turnedOn: Readonly<Record<4 | 6, boolean>>;
}

/**
 * Of several nodes that need it, the first turns it on and the others note it too: the last one to go turns it off.
 */
export function forwardingPlan(
  survey: Survey,
  plan: HostPlan | undefined,
  { name, turnedOn: before }: ForwardingBefore,
): ForwardingPlan {
  const noted = { 4: before[4] || hasNote(survey, 4, name), 6: before[6] || hasNote(survey, 6, name) };
  const wanted = families.filter((family) =>
    plan?.device !== undefined && plan.ranges.some(({ address }) => address.family === family)
  );
  const lacking = wanted.filter((family) => survey.forwards[family] === false);
  const refused = lacking.filter((family) => family === 6 && survey.isAdvertised);
  const turnOn = lacking.filter((family) => !refused.includes(family));
  const turnOff = families.filter((family) =>
    noted[family] && !wanted.includes(family) && !isDockers(survey, family) &&
    !isOthersToo(survey, family, name)
  );
  const isOn = (family: 4 | 6) =>
    turnOn.includes(family) ||
    (wanted.includes(family) && (noted[family] || isOthersToo(survey, family, name)));
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

function hasNote({ chains }: Survey, family: 4 | 6, ownName: string): boolean {
  return chains.some(({ table, name }) => table === ownName && name === noteName(family));
}

/** Another node of this host has noted it. */
function isOthersToo({ chains }: Survey, family: 4 | 6, ownName: string): boolean {
  return chains.some((chain) =>
    isOwnTable(chain) && chain.table !== ownName && chain.name === noteName(family)
  );
}

/** Docker, which came after us and found the setting on, cannot work without it. */
function isDockers({ iptables }: Survey, family: 4 | 6): boolean {
  return iptables.some((table) => table.family === family && table.chains["DOCKER-USER"] !== undefined);
}

function put(family: 4 | 6, value: 0 | 1): string {
  return `echo ${value} >/proc/sys/${settings[family].replaceAll(".", "/")}`;
}
