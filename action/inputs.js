'use strict';

// The inputs of action.yml as arguments of the command. None is a secret but the token, which is no argument.

const fs = require('fs');
const path = require('path');

/** An input cannot be used. */
class InputError extends Error {}

function text(env, name) {
  return (env[`INPUT_${name.toUpperCase()}`] || '').trim();
}

function entries(env, name) {
  return text(env, name)
    .split(/[,\r\n]/)
    .map((entry) => entry.trim())
    .filter(Boolean);
}

function choice(env, name, words) {
  const word = text(env, name).toLowerCase() || words[0];
  if (!words.includes(word)) {
    throw new InputError(`Input ${name} takes the words ${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}.`);
  }
  return word;
}

/** The folder of the sources that the command looks at. */
function folder(env) {
  const name = text(env, 'working-directory');
  const chosen = path.resolve(env.GITHUB_WORKSPACE, name);
  try {
    if (fs.statSync(chosen).isDirectory()) {
      return chosen;
    }
  } catch (error) {
    // It is not there.
  }
  throw new InputError(`Input working-directory names no folder: ${chosen}`);
}

/** All inputs: {folder, command}. Values are joined to options, so that none can be one. */
function read(env) {
  const options = [];
  for (const name of ['organization', 'identity', 'tenant']) {
    const word = text(env, name);
    if (word) {
      options.push(`--${name}=${word}`);
    }
  }
  options.push(...entries(env, 'clients').map((client) => `--client=${client}`));
  for (const name of ['only-extra', 'publish']) {
    if (choice(env, name, ['false', 'true']) === 'true') {
      options.push(`--${name}`);
    }
  }
  options.push(`--verify=${choice(env, 'verify', ['off', 'warn', 'fail'])}`);
  const package_ = text(env, 'verify-package');
  if (package_) {
    options.push(`--package=${package_}`);
  }
  return { folder: folder(env), command: ['env', '--output=github'].concat(options, '--', entries(env, 'indexes')) };
}

module.exports = { InputError, read };
