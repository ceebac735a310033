const NAME_DIGITS = 16;
const NAME = new RegExp(`^import-[0-9a-f]{${NAME_DIGITS}}$`);

/** The agent that an imported file's packets stand under. @param digest `sha256:…` */
export const importAgent = (digest: string): string => `import-${digest.slice('sha256:'.length).slice(0, NAME_DIGITS)}`;

/** Hosts may be called `import-7`: only the begin of a digest names a file. */
export const isImportAgent = (agent: string): boolean => NAME.test(agent);
