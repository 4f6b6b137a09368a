/** Files that the bundler embeds in the executable; the import is their path inside it. */
declare module "*/dist/native/helper" {
  const path: string;
  export default path;
}
declare module "*/dist/native/libreeve.so" {
  const path: string;
  export default path;
}
