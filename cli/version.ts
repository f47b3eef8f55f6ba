/** Version of the software; the manifests say the same, which a test checks. Read from no file: a build has none. */
export const version = "0.1.0";
