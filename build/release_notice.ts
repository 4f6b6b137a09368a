/**
 * The text that goes with a release: whose work is inside, under which terms, and how to put another C
 * library in. The terms of the LGPL ask for it. Pure.
 */
import type { BundledGlibc, Component } from "./release_sbom.ts";

export interface NoticeParts {
  readonly version: string;
  readonly bun: string;
  readonly glibcs: readonly BundledGlibc[];
  readonly packages: readonly (Component & { readonly text: string })[];
}

export function noticeText({ version, bun, glibcs, packages }: NoticeParts): string {
  const libraries = glibcs.map(({ target, version, build }) =>
    `  ${target}: glibc ${version}${build === null ? "" : ` (${build})`}`
  );
  return `reeve ${version} is under the MIT licence; see LICENSE. The executables carry the work of others.


The GNU C Library

${libraries.join("\n")}

Copyright (C) the Free Software Foundation, Inc. and others, under the GNU Lesser General Public
License, version 2.1 or later. The executables carry ld.so, libc, libm, libpthread and libdl as
separate files within the file. They are unchanged but for some system calls of ld.so, which are
redirected so that it finds the libraries there, and for libc's clone3, which always answers ENOSYS:
build/pack/ of reeve's sources makes and describes each change.

Sources: https://ftp.gnu.org/gnu/glibc/glibc-VERSION.tar.xz, and for Debian's builds the source
package "glibc" of the version named above, at https://snapshot.debian.org/package/glibc/.

You may put another glibc (2.34 or newer), or one that you changed, in its place. With the sources of
reeve, and a directory that has the five files of that glibc:

    npm run build -- --glibc DIRECTORY --target linux-x64


Bun ${bun} and JavaScriptCore

The runtime in the executables is Bun, Copyright (c) Oven, under the MIT licence. It is linked with
JavaScriptCore of WebKit, Copyright (C) Apple Inc. and others, under the GNU Library General Public
License, version 2 or later, and with other libraries that Bun's LICENSE.md lists with their terms.

Sources: https://github.com/oven-sh/bun, tag bun-v${bun}; WebKit as that tag names it, at
https://github.com/oven-sh/WebKit. To link Bun with a changed JavaScriptCore follow Bun's LICENSE.md;
then build reeve with that bun in its PATH: bun run build.ts

${packages.map((one) => `\n${one.name} ${one.version} (${one.license})\n\n${one.text.trim()}\n`).join("\n")}`;
}
