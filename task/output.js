'use strict';

// Lines for the log of a CI, each whole. Node.js 10 must be able to read this file.

const fs = require('fs');

/** Text from outside as one line that no CI can take for a command in the middle of a line. */
function harmless(text) {
  return String(text)
    .replace(/(?! )[\p{C}\p{Z}]/gu, (character) => {
      return '\\u' + character.codePointAt(0).toString(16).padStart(4, '0');
    })
    .replace(/##(?=vso\[|\[)/gi, '# #');
}

/** Writes one line to standard output, whole; the exit code tells where that fails. */
function say(line) {
  const bytes = Buffer.from(`${line}\n`);
  try {
    for (let written = 0; written < bytes.length; ) {
      written += writeSome(bytes, written);
    }
  } catch (error) {
    process.exitCode = 1;
  }
}

function writeSome(bytes, start) {
  try {
    return fs.writeSync(1, bytes, start);
  } catch (error) {
    if (error.code !== 'EAGAIN') {
      throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10); // milliseconds, for a slow reader
    return 0;
  }
}

/** Whether nobody can read the output: Node puts the null device in the place of a closed one. */
function isOutputLost() {
  try {
    const output = fs.fstatSync(1);
    return output.isCharacterDevice() && output.rdev === fs.statSync('/dev/null').rdev;
  } catch (error) {
    return false; // a system without such a device
  }
}

module.exports = { harmless, isOutputLost, say };
