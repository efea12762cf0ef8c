/** What Kubernetes admits as labels: each function says what is wrong, or nothing. */

/** An optional prefix that is a DNS name, a slash, and a word. */
export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf("/");
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if ((prefix === undefined || isDnsName(prefix)) && isWord(name) && name !== "") return undefined;
  return `${JSON.stringify(key.slice(0, 253))} is not a label key such as "app" or "example.com/zone"`;
}

export function labelValueProblem(value: string): string | undefined {
  if (isWord(value)) return undefined;
  return `${JSON.stringify(value.slice(0, 63))} is not a label value: at most 63 letters, digits, "-", "_", "."`;
}

function isDnsName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
}

function isWord(text: string): boolean {
  return text.length <= 63 && /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(text);
}
