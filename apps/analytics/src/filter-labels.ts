/** `web@3` */
const VERSION_LABEL = /^[a-z][a-z0-9-]{0,62}@[1-9]\d{0,8}$/;

/** Whether the text names one version of a filter, `web@3`. */
export const isVersionLabel = (text: string): boolean => VERSION_LABEL.test(text);

/**
 * The versions whose packets an interface block holds. `if_description` is a list of them, `web@3,dns@1`; that of a
 * real interface, or of a file from elsewhere, is any text and names none.
 */
export function filtersOf(description: string | undefined): readonly string[] {
  if (!description) return [];
  const labels = description.split(',');
  return labels.every(isVersionLabel) ? labels : [];
}
