// Plain JavaScript, readable by any Node: an older one cannot load a single .ts file and would only say so in English.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(
    `OpsTracker demande Node 24 ou plus récent ; celui-ci est ${process.version}.\n` +
      "  - Avec npm (« npm start », « npm test », « npm run … »), la bonne version installée par « npm ci » est prise seule.\n" +
      '  - Sans npm : export PATH="$PWD/node_modules/.bin:$PATH", puis relancez.\n' +
      "  - Sur macOS, ou si « npm ci » n’a rien installé : prenez Node 24 sur https://nodejs.org/fr/download.\n",
  );
  process.exit(1);
}
