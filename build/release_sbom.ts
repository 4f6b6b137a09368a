/**
 * The parts of the executables, as a CycloneDX 1.6 document: the runtime, the C library, the packages of the
 * lock file that are no development tools. The same for every build of one commit: it has no time and no
 * serial number.
 */

export interface LockedPackage {
  readonly version: string;
  /** `sha512-BASE64`. */
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

export interface Component {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

export interface BundledGlibc {
  /** "2.36". */
  readonly version: string;
  /** As its builder names it, "Debian GLIBC 2.36-9+deb12u14"; null where it names none. */
  readonly build: string | null;
  readonly target: string;
  readonly sha256: string;
}

/**
 * The packages that go into an executable. `packages`: of package-lock.json. Throws Error for one without a
 * licence.
 */
export function npmComponents(packages: Readonly<Record<string, LockedPackage>>): readonly Component[] {
  return Object.entries(packages).filter(([path, { dev }]) => path !== "" && dev !== true).map(
    ([path, found]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      if (found.license === undefined) {
        throw new Error(
          `cannot list what the executable is made of: "${name}" has no licence in package-lock.json`,
        );
      }
      const digest = found.integrity?.replace(/^sha512-/, "");
      return {
        name,
        version: found.version,
        license: found.license,
        purl: `pkg:npm/${name.replace("@", "%40")}@${found.version}`,
        ...(digest === undefined
          ? {}
          : { hashes: [{ alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") }] }),
      };
    },
  );
}

export function bunComponent(version: string): Component {
  return {
    name: "bun",
    version,
    // Bun's own code; JavaScriptCore, which it is linked with, is LGPL.
    license: "MIT AND LGPL-2.0-or-later",
    purl: `pkg:github/oven-sh/bun@bun-v${version}`,
  };
}

export function glibcComponent(glibc: BundledGlibc): Component {
  const debian = /^Debian GLIBC (\S+)$/.exec(glibc.build ?? "")?.[1];
  return {
    name: `glibc (${glibc.target})`,
    version: debian ?? glibc.version,
    license: "LGPL-2.1-or-later",
    purl: debian === undefined
      ? `pkg:generic/glibc@${glibc.version}`
      : `pkg:deb/debian/glibc@${encodeURIComponent(debian)}?arch=source`,
    hashes: [{ alg: "SHA-256", content: glibc.sha256 }],
  };
}

/** The document as text. */
export function billOfMaterials(version: string, components: readonly Component[]): string {
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": "reeve",
        name: "reeve",
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components: components.map((one) => ({
      type: one.name === "bun" ? "platform" : "library",
      "bom-ref": `${one.name}@${one.version}`,
      name: one.name,
      version: one.version,
      licenses: [{ expression: one.license }],
      purl: one.purl,
      ...(one.hashes === undefined ? {} : { hashes: one.hashes }),
    })),
    dependencies: [{ ref: "reeve", dependsOn: components.map(({ name, version }) => `${name}@${version}`) }],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
