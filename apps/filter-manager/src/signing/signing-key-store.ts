/** Keeps the signing key of a fleet that was given none. */
export abstract class SigningKeyStore {
  /** PEM. */
  abstract find(): Promise<string | undefined>;
  /** Keeps this one unless there is one. @returns the one that is kept */
  abstract keep(pem: string): Promise<string>;
}
