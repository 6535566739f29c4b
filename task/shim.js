'use strict';

// Finds a Python on the agent and hands the whole step over to it: `python -I -X utf8 -u main.py`.
// Node.js 10 must be able to read this file, so it keeps to ES2018 and to Node's own modules.

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');

const OLDEST_PYTHON = [3, 10];
const MOST_STARTS = 8;
const MAIN = path.join(__dirname, 'main.py');
const ISOLATED = ['-I', '-X', 'utf8', '-u', MAIN];
const TOO_OLD = 86; // main.py ends so, having done nothing
const FAILED = 'Failed to add authentication.';
const REMEDY =
  "Add this step before this one: `- task: UsePythonVersion@0` with `inputs: { versionSpec: '3.x' }`. " +
  'In a container job, use an image that has Python 3.10 or newer.';

// What an exit code says of a program that never came to run main.py.
const UNFIT_EXITS = new Map([
  [TOO_OLD, 'older than Python 3.10'],
  [2, 'ended with exit code 2, as Python 2 does'],
  [126, 'cannot be run: exit code 126'],
  [127, 'runs no Python: exit code 127, as of a version manager without a version'],
  [9009, 'runs no Python: exit code 9009, as of the Microsoft Store placeholder'],
]);
const LAUNCHER_UNFIT_EXITS = new Map([[103, 'knows no Python 3: exit code 103']]);

// Failures to start that another Python would meet just the same.
const EXHAUSTED = new Set(['E2BIG', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

// ---- what the agent reads ----------------------------------------------------------------------

/** Text from outside as one line that the agent cannot take for a command. */
function harmless(text) {
  return String(text)
    .replace(/(?! )[\p{C}\p{Z}]/gu, (character) => {
      return '\\u' + character.codePointAt(0).toString(16).padStart(4, '0');
    })
    .replace(/##(?=vso\[|\[)/gi, '# #');
}

/** Whether the agent turns %AZP25 back into a percent sign; unless told otherwise, it does. */
function decodesPercents(env) {
  const knob = env.DECODE_PERCENTS;
  return !knob || ['1', 'true', '$true'].includes(knob.toLowerCase());
}

/** Command data in the form that the agent turns back into this text. */
function escapeData(text, env) {
  // An agent that leaves %AZP25 alone still decodes four sequences, but not in lower case.
  const percents = decodesPercents(env)
    ? text.replace(/%/g, '%AZP25')
    : text.replace(/%(?:0D|0A|3B|5D)/g, (sequence) => sequence.toLowerCase());
  return percents.replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function escapeProperty(text, env) {
  return escapeData(text, env).replace(/\]/g, '%5D').replace(/;/g, '%3B');
}

function command(name, properties, data, env) {
  const written = Object.keys(properties).map((key) => `${key}=${escapeProperty(properties[key], env)};`);
  const head = [name].concat(written.length ? [written.join('')] : []).join(' ');
  process.stdout.write(`##vso[${head}]${escapeData(harmless(data), env)}\n`);
}

function debug(text, env) {
  command('task.debug', {}, text, env);
}

/** Whether a word is a URL without a credential: no @ and ?, but for an @ that is known to be harmless. */
function isPlain(word) {
  const path = /^[a-z][a-z0-9+.-]*:\/\/[\w-]+(\.[\w-]+)+\/[^?#]*$/i;
  const view = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@]*(\/[^?#@]*)?\/_packaging\/[^/?#@]+@[^/?#@]+\/pypi\/simple\/?$/i;
  const organization = /^https:\/\/[^/:?#@]+@(pkgs\.dev\.azure\.com|[\w-]+\.pkgs\.visualstudio\.com)\/[^?#@]*$/i;
  return !/[@?]/.test(word) || [path, view, organization].some((shape) => shape.test(word));
}

/** Empties what an earlier run stored, as every run does, also one that finds no Python. */
function erase(env) {
  for (const variable of ['PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL']) {
    if (!(env[variable] || '').split(/\s+/).every(isPlain)) {
      command('task.setvariable', { variable, issecret: 'false' }, '', env);
    }
  }
}

function fail(text, env) {
  erase(env);
  command('task.logissue', { type: 'error' }, text, env);
  command('task.complete', { result: 'Failed' }, FAILED, env);
}

function sayCanceled(env) {
  erase(env);
  command('task.complete', { result: 'Canceled' }, 'Adding authentication was canceled.', env);
}

// ---- where a Python may be ---------------------------------------------------------------------

function isProgram(file, platform) {
  try {
    if (!fs.statSync(file).isFile()) {
      return false;
    }
    if (platform !== 'win32') {
      fs.accessSync(file, fs.constants.X_OK);
    }
    return true;
  } catch (error) {
    return platform === 'win32' && isStoreAlias(file);
  }
}

/** Windows' app execution aliases can be started, but not be looked into. */
function isStoreAlias(file) {
  try {
    return inStoreFolder(file) && Boolean(fs.lstatSync(file));
  } catch (error) {
    return false;
  }
}

function inStoreFolder(folder) {
  return /[\\/]Microsoft[\\/]WindowsApps([\\/]|$)/i.test(folder);
}

function listFolder(folder) {
  try {
    return fs.readdirSync(folder).sort();
  } catch (error) {
    return [];
  }
}

/** PATH's absolute folders; a relative one would mean the sources that are being built. */
function pathFolders(platform, env) {
  const windows = platform === 'win32';
  const folders = (env.PATH || '')
    .split(windows ? ';' : ':')
    .map((folder) => (windows ? folder.replace(/^"(.*)"$/, '$1') : folder))
    .filter((folder) => path.isAbsolute(folder));
  if (!windows) {
    return folders;
  }
  return folders.filter((folder) => !inStoreFolder(folder)).concat(folders.filter(inStoreFolder));
}

/** A tool directory's folder name as numbers, or null if it names no Python that would do. */
function parseVersion(name) {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?(-.*)?$/.exec(name);
  if (!match) {
    return null;
  }
  const numbers = [Number(match[1]), Number(match[2]), Number(match[3] || 0)];
  const fits = numbers[0] === OLDEST_PYTHON[0] && numbers[1] >= OLDEST_PYTHON[1];
  return fits ? { name, numbers, preview: Boolean(match[4]) } : null;
}

/** Orders releases before previews and newer before older. */
function newestFirst(one, other) {
  if (one.preview !== other.preview) {
    return one.preview ? 1 : -1;
  }
  const differing = one.numbers.findIndex((number, place) => number !== other.numbers[place]);
  if (differing >= 0) {
    return other.numbers[differing] - one.numbers[differing];
  }
  return one.name < other.name ? 1 : -1;
}

/** The installations below one version's folder, this machine's own architecture first. */
function installations(folder) {
  const own = process.arch === 'ia32' ? 'x86' : process.arch;
  const names = listFolder(folder);
  return names
    .filter((name) => !name.endsWith('.complete'))
    .sort((one, other) => Number(other === own) - Number(one === own))
    .map((name) => ({ folder: path.join(folder, name), finished: names.includes(`${name}.complete`) }));
}

/** The Pythons in the agent's tool directory: those marked as finished, then the others. */
function toolDirectoryPrograms(platform, env) {
  if (!env.AGENT_TOOLSDIRECTORY) {
    return [];
  }
  const root = path.join(env.AGENT_TOOLSDIRECTORY, 'Python');
  const names = platform === 'win32' ? ['python.exe'] : ['bin/python3', 'bin/python'];
  const versions = listFolder(root).map(parseVersion).filter(Boolean).sort(newestFirst);
  const all = [].concat(...versions.map((version) => installations(path.join(root, version.name))));
  const ordered = all.filter((one) => one.finished).concat(all.filter((one) => !one.finished));
  return [].concat(...ordered.map((one) => names.map((name) => path.join(one.folder, name))));
}

/** Every Python that can be seen, the one to try first at the head; nothing is started for this. */
function* candidates(platform, env) {
  const names = platform === 'win32' ? ['python.exe'] : ['python3', 'python'];
  const folders = pathFolders(platform, env);
  const found = (files) => files.filter((file) => isProgram(file, platform));
  for (const folder of folders) {
    yield* found(names.map((name) => path.join(folder, name))).map((file) => ({ file, options: [] }));
  }
  if (platform === 'win32') {
    const launchers = found(folders.map((folder) => path.join(folder, 'py.exe')));
    yield* launchers.map((file) => ({ file, options: ['-3'], launcher: true }));
  }
  yield* found(toolDirectoryPrograms(platform, env)).map((file) => ({ file, options: [] }));
}

function realPath(file) {
  try {
    return fs.realpathSync(file);
  } catch (error) {
    return file;
  }
}

// ---- running it --------------------------------------------------------------------------------

/** Passes the agent's request to stop on to the child, and remembers it. */
function watchSignals() {
  const watch = { asked: [], child: null };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      watch.asked.push(signal);
      if (watch.child) {
        watch.child.kill(signal);
      }
    });
  }
  return watch;
}

/** Starts one Python and waits: {code, signal} as it ended, or {error} if it could not be started. */
function start(candidate, watch) {
  return new Promise((resolve) => {
    try {
      watch.child = childProcess.spawn(candidate.file, candidate.options.concat(ISOLATED), {
        stdio: ['ignore', 'inherit', 'inherit'],
        windowsHide: true,
      });
    } catch (error) {
      resolve({ error });
      return;
    }
    watch.child.on('error', (error) => resolve({ error }));
    watch.child.on('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Why another Python should be tried, or null if this one's end is the step's end. */
function unfitness(candidate, end) {
  if (end.error) {
    return EXHAUSTED.has(end.error.code) ? null : `could not be started: ${end.error.code || end.error.message}`;
  }
  const launcherSays = candidate.launcher && LAUNCHER_UNFIT_EXITS.get(end.code);
  return launcherSays || UNFIT_EXITS.get(end.code) || null;
}

function wasCanceled(end, watch) {
  return watch.asked.length > 0 && (!end.signal || watch.asked.includes(end.signal));
}

function crashText(candidate, end) {
  if (end.error) {
    return (
      `${candidate.file} could not be started: ${end.error.code}. The machine or the user's limits are ` +
      'exhausted, or the environment is too large (E2BIG): remove large variables from the job, or free resources.'
    );
  }
  const how = end.signal ? `was ended by the signal ${end.signal}` : `ended with exit code ${end.code}`;
  return (
    `${candidate.file} ${how} before the task was done. The lines above may say why; run the pipeline again ` +
    'with the variable system.debug set to true to see more. If this Python is damaged, put another one in its ' +
    `place. ${REMEDY}`
  );
}

function noPythonText(rejected) {
  const found = rejected.length ? `Found, but unfit: ${rejected.join('; ')}.` : 'None was found.';
  return `This task needs Python 3.10 or newer on the agent. ${found} ${REMEDY}`;
}

/** Says what remains to be said once a Python has ended for good. */
function conclude(candidate, end, watch, env) {
  if (end.code === 0) {
    return; // Python has said everything itself
  }
  if (wasCanceled(end, watch)) {
    sayCanceled(env);
  } else {
    fail(crashText(candidate, end), env);
  }
}

async function run(platform, env) {
  const watch = watchSignals();
  const tried = new Set();
  const rejected = [];
  for (const candidate of candidates(platform, env)) {
    const identity = realPath(candidate.file);
    if (tried.has(identity)) {
      continue;
    }
    if (tried.size === MOST_STARTS) {
      break;
    }
    tried.add(identity);
    const end = await start(candidate, watch);
    const unfit = unfitness(candidate, end);
    if (!unfit || watch.asked.length > 0) {
      conclude(candidate, end, watch, env);
      return;
    }
    rejected.push(`${candidate.file} (${unfit})`);
    debug(`${candidate.file} is passed over: ${unfit}`, env);
  }
  fail(noPythonText(rejected), env);
}

module.exports = { candidates, escapeProperty, harmless, run, unfitness };

if (require.main === module) {
  process.stdout.on('error', () => {}); // nobody reads any more
  // The agent reads the result from the commands: the exit code stays 0, and Node ends by itself
  // once everything is written.
  run(process.platform, process.env).catch((error) => {
    fail(`The task's start failed: ${error && error.stack}`, process.env);
  });
}
