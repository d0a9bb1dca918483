// A stub until the AWS adapters exist: a stack that deploys nothing useful would be worse than a sentence.
console.error('windvane: the AWS app is not written yet; a cluster on this machine starts with "npm run up".');
process.exit(1);
