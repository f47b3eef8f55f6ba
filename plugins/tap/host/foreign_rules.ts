/**
 * What has to be among the rules of others so that their firewall lets through what the host forwards for the network. A
 * packet needs the consent of every chain on the hook, so an accept of our own table helps nobody; ours go to the head of
 * each chain that might refuse, by the program that manages it, with our name as comment. Pure: a survey in, steps out.
 *
 * That they are there is all that is kept up. Their position is not: two tools that both insist on the first place would
 * take it from each other for ever, and who puts a drop before ours means it.
 */
import type { HostChange, HostPlan } from "../../../core/contracts/exposure.ts";
import { fed } from "../script.ts";
import { accept, type ChainName, meta, nftDocument, type Rule, ruleIn } from "./nft_json.ts";
import { type ForwardChain, type Iptables, isFirewalld, isIptablesChain, type Survey } from "./survey.ts";

export const ruleComment = "selvage";
const trustedZone = "trusted";

export interface Step {
  readonly change: HostChange;
  /** A shell script. */
  readonly text: string;
}

export interface ForeignRules {
  /** Of ours, there as they should be. */
  readonly present: readonly HostChange[];
  readonly missing: readonly Step[];
  /** Of ours, where they should not be any more. */
  readonly stale: readonly Step[];
}

/** `device` is the host's interface; without a plan, or without an interface in it, all of ours are stale. */
export function foreignRules(survey: Survey, plan: HostPlan | undefined, device: string): ForeignRules {
  const wanted = plan?.device === undefined ? undefined : device;
  const families = new Set(plan?.ranges.map(({ address }) => address.family));
  const parts = [
    ...survey.iptables.map((table) => iptablesRules(table, families.has(table.family) ? wanted : undefined)),
    ...survey.forward.filter((chain) => !isManaged(chain, survey)).map((chain) => chainRules(chain, wanted)),
    zoneRules(survey, wanted, device),
  ];
  return {
    present: parts.flatMap(({ present }) => present),
    missing: parts.flatMap(({ missing }) => missing),
    stale: parts.flatMap(({ stale }) => stale),
  };
}

/** By a program that we found, which is then asked. */
function isManaged(chain: ForwardChain, { iptables, zone }: Survey): boolean {
  if (isFirewalld(chain)) return zone !== undefined;
  return isIptablesChain(chain) &&
    iptables.some(({ kind, family }) => kind === "nft" && (family === 4 ? "ip" : "ip6") === chain.family);
}

const directions = ["-i", "-o"] as const;

/** Docker reads DOCKER-USER first and leaves it alone; without it, the head of FORWARD. */
function iptablesRules(table: Iptables, device: string | undefined): ForeignRules {
  const { FORWARD: forward, "DOCKER-USER": users } = table.chains;
  const place = users !== undefined && forward.some((line) => /^-A FORWARD (.* )?-j DOCKER-USER$/.test(line))
    ? "DOCKER-USER"
    : "FORWARD";
  const isNeeded = forward.some((line) => line !== "-P FORWARD ACCEPT" && !isOurs(line));
  const wanted = device === undefined || !isNeeded
    ? []
    : directions.map((way) => `-A ${place} ${way} ${device} -m comment --comment ${ruleComment} -j ACCEPT`);
  const ours = [...forward, ...users ?? []].filter(isOurs);
  const change = (line: string): HostChange => {
    const [, chain, ...rest] = line.split(" ");
    return { tool: toolOf(table), place: chain!, what: rest.join(" ") };
  };
  const step = (line: string, verb: string): Step => ({
    change: change(line),
    text: `${table.program} -w 5 ${line.replace(/^-A/, verb)}`,
  });
  return {
    present: wanted.filter((line) => ours.includes(line)).map(change),
    missing: wanted.filter((line) => !ours.includes(line)).map((line) => step(line, "-I")),
    stale: ours.filter((line, index) => !wanted.includes(line) || ours.indexOf(line) < index)
      .map((line) => step(line, "-D")),
  };
}

function toolOf({ family, kind }: Iptables): string {
  return `${family === 4 ? "iptables" : "ip6tables"}-${kind}`;
}

/** Built from these words again when it is removed, so nothing else of the line may pass. */
function isOurs(line: string): boolean {
  return /^-A (FORWARD|DOCKER-USER) -[io] [\w-]{1,15} -m comment --comment "?selvage"? -j ACCEPT$/.test(line);
}

const keys = ["iifname", "oifname"] as const;

function chainRules(chain: ForwardChain, device: string | undefined): ForeignRules {
  const name: ChainName = chain;
  const ours = chain.rules.filter(({ comment }) => comment === ruleComment);
  const isNeeded = device !== undefined && mayRefuse(chain);
  const place = `${chain.family} ${chain.table} ${chain.name}`;
  const change = (key: string): HostChange => ({
    tool: "nftables",
    place,
    what: `${key} "${device}" accept`,
  });
  const there = new Map(keys.map((key) => [key, ours.find((rule) => matches(rule, key, device))]));
  const kept = new Set(isNeeded ? there.values() : []);
  return {
    present: isNeeded ? keys.filter((key) => there.get(key) !== undefined).map(change) : [],
    missing: isNeeded
      ? keys.filter((key) => there.get(key) === undefined).map((key) => ({
        change: change(key),
        text: transaction({ insert: ruleIn(name, [meta(key, device), accept], ruleComment) }),
      }))
      : [],
    stale: ours.filter((rule) => !kept.has(rule)).map(({ handle }) => ({
      change: { tool: "nftables", place, what: `rule ${handle}` },
      text: transaction({
        delete: { rule: { family: chain.family, table: chain.table, chain: chain.name, handle } },
      }),
    })),
  };
}

function transaction(command: Parameters<typeof nftDocument>[0][number]): string {
  return fed("nft -j -f -", nftDocument([command]));
}

/** Its policy, or a rule that ends or goes elsewhere, might. */
function mayRefuse({ policy, rules }: ForwardChain): boolean {
  return policy === "drop" ||
    rules.some(({ expr, comment }) =>
      comment !== ruleComment &&
      expr.some((each) =>
        ["drop", "reject", "jump", "goto", "queue", "vmap", "xt"].some((verb) => verb in each)
      )
    );
}

function matches({ expr }: Rule, key: string, device: string | undefined): boolean {
  return JSON.stringify(expr[0]) === JSON.stringify({
    match: { op: "==", left: { meta: { key } }, right: device },
  });
}

/** For as long as firewalld runs: what it keeps for good is the administrator's. */
function zoneRules({ zone }: Survey, wanted: string | undefined, device: string): ForeignRules {
  const none: ForeignRules = { present: [], missing: [], stale: [] };
  if (zone === undefined) return none;
  const change = { tool: "firewalld", place: `zone ${trustedZone}`, what: `interface ${device}` };
  const command = (verb: string) => `firewall-cmd -q --zone=${trustedZone} --${verb}-interface=${device}`;
  if (wanted === undefined) {
    return zone === trustedZone ? { ...none, stale: [{ change, text: command("remove") }] } : none;
  }
  // An administrator who put it into another zone knows better.
  if (zone !== "" && zone !== trustedZone) return none;
  return zone === trustedZone
    ? { ...none, present: [change] }
    : { ...none, missing: [{ change, text: command("add") }] };
}
