'use strict';

// What GitHub's runner understands: lines `::name::data` on standard output, in its own encoding.

const { harmless, say } = require('../task/output.js');

const SHORTEST_MASK = 2; // a single character would be struck out of every line

function escapeData(text) {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

/** Has the runner strike a secret out of every line to come. */
function mask(secret) {
  for (const text of new Set([secret, secret.trim()])) {
    if (text.length >= SHORTEST_MASK) {
      say(`::add-mask::${escapeData(text)}`);
    }
  }
}

function command(name, text) {
  say(`::${name}::${escapeData(harmless(text))}`);
}

/** Says something that is shown only to who looks for reasons. */
function debug(text) {
  command('debug', text);
}

function warn(text) {
  command('warning', text);
}

/** Says why the step fails, on a line of its own whatever stands before it. */
function fail(text) {
  say('');
  command('error', text);
  process.exitCode = 1;
}

module.exports = { debug, fail, mask, warn };
