/**
 * What a plugin's configuration schema must be able to do: the Standard Schema interface (standardschema.dev) with its
 * JSON Schema extension, declared structurally so that this layer imports no validator. zod, valibot and arktype
 * objects fit as they are. Decoders of our own were rejected: every one of them would need JSON Schema, unions,
 * defaults and good messages, which kept libraries have.
 */
export interface Schema<In, Out> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>;
    readonly types?: { readonly input: In; readonly output: Out } | undefined;
    /** Absent in a validator that cannot print itself: the option is then shown without a schema. */
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
      readonly output: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>;
    };
  };
}

export type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
