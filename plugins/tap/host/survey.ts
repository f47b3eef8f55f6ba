/** What the host has: asked in two runs of a shell, for the second asks about chains that the first has named. */
import type { Prefix } from "../../../core/contracts/values.ts";
import { formatPrefix } from "../../../core/wire/prefix.ts";
import { fed } from "../script.ts";
import { type Chain, ipName, nftDocument, parseListing, type Rule } from "./nft_json.ts";
import { isOwnTable } from "./own_table.ts";
import { overlappingRoutes } from "./route_overlap.ts";

export type IptablesKind = "nft" | "legacy";

/** The filter table of one variant of iptables. */
export interface Iptables {
  readonly family: 4 | 6;
  readonly kind: IptablesKind;
  /** The program that reads and writes it: `ip6tables-nft`. */
  readonly program: string;
  /** Lines of `-S`; undefined for a chain that is not there. */
  readonly chains: {
    readonly FORWARD: readonly string[];
    readonly "DOCKER-USER": readonly string[] | undefined;
  };
}

/** A chain of another tool that judges what is forwarded. */
export interface ForwardChain extends Chain {
  readonly rules: readonly Rule[];
}

export interface Survey {
  /** Text of `nft -j list table` of our own; empty when there is none. */
  readonly own: string;
  /** Whether the host has an interface of our name. */
  readonly hasDevice: boolean;
  readonly chains: readonly Chain[];
  readonly forward: readonly ForwardChain[];
  readonly iptables: readonly Iptables[];
  /** What the kernel forwards; undefined without the family. */
  readonly forwards: Readonly<Record<4 | 6, boolean | undefined>>;
  /** The IPv6 default route comes from router advertisements, which a host that forwards does not take. */
  readonly isAdvertised: boolean;
  /** Of firewalld: the zone of our interface, empty for none; undefined when firewalld does not run. */
  readonly zone: string | undefined;
  /** Its table can be changed by nobody else. */
  readonly isSealed: boolean;
  /** Routes of other interfaces in the network's ranges and around them. */
  readonly overlaps: readonly string[];
}

export type RunText = (purpose: string, text: string) => Promise<string>;

export interface SurveyQuestion {
  /** Of our table, see `ruleName`. */
  readonly name: string;
  readonly device: string;
  readonly ranges: readonly Prefix[];
}

export async function surveyHost(question: SurveyQuestion, run: RunText): Promise<Survey> {
  const first = sections(await run("look at the host's rules", firstText(question)));
  const at = (name: string) => first.get(name) ?? "";
  const { chains } = parseListing(at("chains"));
  const text = secondText(chains, question.device, at);
  const second = sections(text === "" ? "" : await run("look at the host's rules", text));
  return {
    own: at("own").trim(),
    hasDevice: at("device").trim() !== "",
    chains,
    forward: chains.filter(isForeignForward).flatMap((chain, position) => {
      const listed = second.get(`nft ${position}`)?.trim() ?? "";
      return listed === "" ? [] : [{ ...chain, rules: parseListing(listed).rules }];
    }),
    iptables: variants.flatMap((variant) => iptablesOf(variant, second) ?? []),
    forwards: { 4: flagOf(at("forward4")), 6: flagOf(at("forward6")) },
    isAdvertised: at("advertised").trim() !== "",
    isSealed: (second.get("sealed") ?? "").trim() !== "",
    zone: second.get("zone")?.trim().replace("no zone", ""),
    overlaps: overlapsOf(at, question),
  };
}

type Sections = (name: string) => string;

interface Variant {
  readonly family: 4 | 6;
  readonly kind: IptablesKind;
  /** Without the kind. */
  readonly base: string;
}

const variants: readonly Variant[] = ([4, 6] as const).flatMap((family) =>
  (["nft", "legacy"] as const).map((kind) => ({
    family,
    kind,
    base: family === 4 ? "iptables" : "ip6tables",
  }))
);

/** Sections begin with a line that no program of these prints. */
const mark = "@@ ";

/**
 * The legacy tables are asked for by their files: the program itself would load the kernel's module for them. A failure of
 * what may be missing is an empty section.
 */
function firstText({ name, device, ranges }: SurveyQuestion): string {
  const routes = ranges.flatMap((range) => {
    const ip = `ip -${range.address.family} -j route show table all`;
    return (["root", "match"] as const).map((which) =>
      section(`${which} ${formatPrefix(range)}`, `${ip} ${which} ${formatPrefix(range)} 2>/dev/null || true`)
    );
  });
  return [
    section("chains", "! command -v nft >/dev/null || nft -j list chains"),
    section("own", `nft -j list table inet ${name} 2>/dev/null || true`),
    section("device", `ip -br link show dev ${device} 2>/dev/null || true`),
    section("legacy4", "cat /proc/net/ip_tables_names 2>/dev/null || true"),
    section("legacy6", "cat /proc/net/ip6_tables_names 2>/dev/null || true"),
    section("forward4", "cat /proc/sys/net/ipv4/ip_forward 2>/dev/null || true"),
    section("forward6", "cat /proc/sys/net/ipv6/conf/all/forwarding 2>/dev/null || true"),
    section("advertised", "ip -6 route show default proto ra 2>/dev/null || true"),
    ...routes,
  ].join("\n");
}

function section(name: string, command: string): string {
  return `echo '${mark}${name}'\n${command}\necho`;
}

function sections(output: string): ReadonlyMap<string, string> {
  const parts = output.split(/^@@ /m).slice(1);
  return new Map(parts.map((part) => {
    const end = part.indexOf("\n");
    return [part.slice(0, end), part.slice(end + 1)];
  }));
}

/** The shell text of the second run, empty when there is nothing to ask. */
function secondText(chains: readonly Chain[], device: string, at: Sections): string {
  const tables = variants.filter(({ family, kind }) =>
    kind === "nft"
      ? chains.some((chain) => isIptablesChain(chain) && chain.family === ipName(family))
      : at(`legacy${family}`).split("\n").includes("filter")
  );
  return [
    ...tables.map(iptablesText),
    ...chains.filter(isForeignForward).map(chainText),
    ...(chains.some(isFirewalld) ? [zoneText(device)] : []),
  ].join("\n");
}

function isForeignForward(chain: Chain): boolean {
  return chain.hook === "forward" && ["ip", "ip6", "inet"].includes(chain.family) && !isOwnTable(chain);
}

/** A chain that iptables knows as its own. */
export function isIptablesChain({ family, table, name, hook }: Chain): boolean {
  return hook === "forward" && family !== "inet" && table === "filter" && name === "FORWARD";
}

export function isFirewalld({ family, table }: Chain): boolean {
  return family === "inet" && table === "firewalld";
}

/** Older systems have one variant only, under the plain name, and its version says which one it is. */
function iptablesText({ base, kind }: Variant): string {
  const isKind = `${base} --version 2>/dev/null | grep -q${kind === "legacy" ? "v" : ""} nf_tables`;
  return `program=$(command -v ${base}-${kind} || true)
if [ -z "$program" ] && command -v ${base} >/dev/null && ${isKind}; then program=${base}; fi
if [ -n "$program" ]; then
echo '${mark}${base}-${kind} program'
echo "$program"
for chain in FORWARD DOCKER-USER; do
echo "${mark}${base}-${kind} $chain"
"$program" -w 5 -S $chain 2>/dev/null || true
done
fi`;
}

/** By JSON: in the other language of nft a chain whose name is one of its words cannot be named. */
function chainText({ family, table, name }: Chain, position: number): string {
  const document = nftDocument([{ list: { chain: { family, table, name } } }]);
  return section(`nft ${position}`, fed("nft -j -f - 2>/dev/null", document).replace("\n", " || true\n"));
}

/** Of `firewall-cmd`, for an interface in no zone; any other failure is that of a firewalld that does not run. */
const noZoneExit = 2;

/**
 * Of firewalld, if it runs, in one run of its program, which takes its time to start. The flags of a table are asked for in
 * the other language of nft: some versions print something else where JSON has them.
 */
function zoneText(device: string): string {
  const sealed = "nft -t list table inet firewalld 2>/dev/null | head -n 3 | grep 'flags.*owner' || true";
  return `${section("sealed", sealed)}
if command -v firewall-cmd >/dev/null; then
code=0
zone=$(firewall-cmd --get-zone-of-interface=${device} 2>/dev/null) || code=$?
if [ $code -eq 0 ] || [ $code -eq ${noZoneExit} ]; then
echo '${mark}zone'
echo "$zone"
fi
fi`;
}

function iptablesOf(
  { family, kind, base }: Variant,
  second: ReadonlyMap<string, string>,
): Iptables | undefined {
  const program = second.get(`${base}-${kind} program`)?.trim();
  if (program === undefined) return undefined;
  const linesOf = (chain: string) =>
    (second.get(`${base}-${kind} ${chain}`) ?? "").split("\n").filter((line) => line !== "");
  const users = linesOf("DOCKER-USER");
  return {
    family,
    kind,
    program,
    chains: { FORWARD: linesOf("FORWARD"), "DOCKER-USER": users.length === 0 ? undefined : users },
  };
}

function flagOf(text: string): boolean | undefined {
  return text.trim() === "" ? undefined : text.trim() !== "0";
}

function overlapsOf(at: Sections, { device, ranges }: SurveyQuestion): readonly string[] {
  const found = ranges.flatMap((range) =>
    ["root", "match"].flatMap((which) => {
      const text = at(`${which} ${formatPrefix(range)}`).trim();
      return overlappingRoutes(text === "" ? [] : JSON.parse(text), range, device);
    })
  );
  return [...new Set(found)];
}
