/**
 * Names of nodes and networks: what a person types, and what a hostname may be. Small on purpose: a name goes into
 * file names, DNS labels, logs and terminals unescaped.
 */

const form = /^[A-Za-z0-9._-]{1,63}$/;

/** 1 to 63 of `A-Z a-z 0-9 . _ -`. */
export function isNodeName(text: string): boolean {
  return form.test(text);
}

/** The text by which names are compared: hostnames do not tell upper from lower case (RFC 4343), so `Web` is `web`. */
export function foldName(name: string): string {
  return name.toLowerCase();
}
