/** How an endpoint fares that this node sets out for; `failed`: it is not tried again. */
export type ConnectionState = "connecting" | "established" | "retrying" | "failed";
