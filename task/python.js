'use strict';

// Finds a Python on the machine that runs a job, and hands a step over to it: `python -I -S -X utf8 -u main.py 3 ...`.
// Node.js 10 must be able to read this file, so it keeps to ES2018 and to Node's own modules.
//
// The search ends with the first Python that says on file descriptor 3 that it begins with the step.
// Whatever ends before has done nothing, and the next one is tried.
//
// A CI is told by an object of these properties:
//   options    for main.py, after the file descriptor
//   tools      the folder in which it installs tools, or nothing
//   closed     folders into which a job's sources and steps write; what lies there is no program of the machine
//   open       a folder below those that is the machine's all the same, or null
//   inherits   whether Python gets a variable of this name
//   debug      writes a line for who looks for a reason

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');

const OLDEST_PYTHON = [3, 10];
const MOST_STARTS = 8;
const MOST_NAMED = 12; // of the Pythons that are passed over, in an error
// Until one Python begins, for all of them together, and for what a Python does that has begun: its own
// deadline is 60 seconds, but a computation that nothing can interrupt does not look at that.
const SECONDS = { start: 20, search: 60, run: 300 };
const KILL_SECONDS = 2; // until what was killed counts as gone, whatever holds it
const PIPE_SECONDS = 1; // until what an ended Python said must be here
const MAIN = path.join(__dirname, 'main.py');
const ISOLATED = ['-I', '-S', '-X', 'utf8', '-u', MAIN];
const OUTPUT_FAILED = 3; // exit code of a Python that could not write all it had to say
const MUTE = 87; // exit code of main.py where it is asked to say that it begins, and cannot

// What an exit code says of a program that did not begin with the step.
const UNFIT_EXITS = new Map([
  [86, 'older than Python 3.10'],
  [88, "lacks a module of Python's standard library"],
  [2, 'ended with exit code 2, as Python 2 does'],
  [126, 'cannot be run: exit code 126'],
  [127, 'runs no Python: exit code 127, as of a version manager without a version'],
  [9009, 'runs no Python: exit code 9009, as of the Microsoft Store placeholder'],
]);
const LAUNCHER_UNFIT_EXITS = new Map([[103, 'knows no Python 3: exit code 103']]);

// Failures to start that another Python would meet just the same.
const EXHAUSTED = new Set(['E2BIG', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

// Where loaders look for libraries: in folders of the machine only, as for programs.
const LIBRARY_PATHS = ['LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];

// Withheld wherever it comes from, by name and value.
const WITHHELD = [
  /^(?:ENV|ZDOTDIR|BASH_[^=]*|SHELLOPTS|BASHOPTS|PS4|IFS|CDPATH|FPATH)=/, // a shell runs it, or traces to the log
  /^_?PYENV_(?!VERSION=[^/\\]*$)/, // hooks, traces, other folders; its programs know their own
  /^(?:PYTHON|PY_|PYLAUNCHER_|__PYVENV_LAUNCHER__=|VIRTUAL_ENV=)/, // isolation is not for launchers and wrappers
  /^(?:LD|DYLD)_(?!LIBRARY_PATH=)/, // libraries loaded into every program; the machine's own path may be needed
  /^(?:GCONV_PATH|LOCPATH|NLSPATH|GLIBC_TUNABLES|MALLOC_[^=]*)=/, // the C library loads or does it
  /^(?:OPENSSL_[^=]*|SSLKEYLOGFILE)=/, // engines are code, a key log opens every connection
  /^NODE_(?!EXTRA_CA_CERTS=)/, // code and traces for a wrapper in JavaScript
  /^(?:PERL5|RUBY)[^=]*=/, // code for wrappers in other languages
];

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

/** The Pythons in a tool directory: those marked as finished, then the others. */
function toolDirectoryPrograms(platform, tools) {
  if (!path.isAbsolute(tools || '')) {
    return [];
  }
  const root = path.join(tools, 'Python');
  const names = platform === 'win32' ? ['python.exe'] : ['bin/python3', 'bin/python'];
  const versions = listFolder(root).map(parseVersion).filter(Boolean).sort(newestFirst);
  const all = [].concat(...versions.map((version) => installations(path.join(root, version.name))));
  const ordered = all.filter((one) => one.finished).concat(all.filter((one) => !one.finished));
  return [].concat(...ordered.map((one) => names.map((name) => path.join(one.folder, name))));
}

/** Every Python that can be seen, the one to try first at the head; nothing is started for this. */
function* candidates(platform, env, tools) {
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
  yield* found(toolDirectoryPrograms(platform, tools)).map((file) => ({ file, options: [] }));
}

function realPath(file) {
  try {
    return fs.realpathSync.native(file);
  } catch (error) {
    return file;
  }
}

/** What one start is enough for: a program, or a virtual environment, which may be broken by itself. */
function identityOf(file) {
  const folder = path.dirname(file);
  const isEnvironment = [folder, path.dirname(folder)].some((place) => fs.existsSync(path.join(place, 'pyvenv.cfg')));
  return realPath(isEnvironment ? folder : file);
}

function isInside(folder, file) {
  const way = path.relative(folder, file);
  return way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

/** A function that names the job's folder in which a path really lies, or gives undefined. */
function closedPlaces(ci) {
  const places = ci.closed
    .concat(process.cwd())
    .filter((folder) => path.isAbsolute(folder))
    .map(realPath)
    .filter((folder) => folder !== path.parse(folder).root); // it would close the whole machine
  const open = ci.open && realPath(ci.open);
  return (file) => {
    const real = realPath(file);
    return open && isInside(open, real) ? undefined : places.find((place) => isInside(place, real));
  };
}

// ---- what it inherits --------------------------------------------------------------------------

/** An environment's name for a variable of the job. */
function environmentName(variable) {
  return String(variable)
    .replace(/[. ]/g, '_')
    .toUpperCase();
}

/** The environment without what makes programs run, load or log something for a stranger. */
function inheritance(platform, env, closedPlace, inherits) {
  const kept = {};
  for (const key of Object.keys(env)) {
    const name = environmentName(key);
    if (inherits(name) && !WITHHELD.some((family) => family.test(`${name}=${env[key]}`))) {
      kept[key] = env[key];
    }
  }
  for (const name of LIBRARY_PATHS.filter((one) => kept[one])) {
    kept[name] = kept[name]
      .split(':')
      .filter((folder) => path.isAbsolute(folder) && !closedPlace(folder))
      .join(':');
  }
  // A wrapper's shell and helpers are looked up there, too.
  for (const key of Object.keys(env).filter((one) => one.toUpperCase() === 'PATH')) {
    delete kept[key];
  }
  const folders = pathFolders(platform, env).filter((folder) => !closedPlace(folder));
  return Object.assign(kept, { PATH: folders.join(platform === 'win32' ? ';' : ':') });
}

// ---- running it --------------------------------------------------------------------------------

/** Sends a signal to a Python and to whatever a wrapper around it has started. */
function kill(child, signal) {
  try {
    if (process.platform === 'win32') {
      child.kill(signal);
    } else {
      process.kill(-child.pid, signal); // it leads a process group of its own
    }
  } catch (error) {
    // It is gone.
  }
}

/** Passes the agent's request to stop on to a Python that has begun, ends another one, and remembers it. */
function watchSignals() {
  const watch = { asked: [], hasBegun: false, stop: null };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      watch.asked.push(signal);
      if (watch.stop) {
        watch.stop(signal);
      }
    });
  }
  return watch;
}

/**
 * Starts one Python and waits for its end.
 *
 * Gives {error} if it could not be started, or else {code, signal, hasBegun, waited, wasStopped}: how it ended,
 * whether it had begun with the step, and whether it was killed on request or after so many seconds: `seconds`
 * without having begun, `limit` without an end.
 */
function start(candidate, options, env, watch, seconds, limit, isMute) {
  return new Promise((resolve) => {
    const end = { code: null, signal: null, hasBegun: false, waited: 0, wasStopped: false };
    const timers = [];
    const after = (delay, action) => {
      const timer = setTimeout(action, 1000 * delay);
      timers.push(timer);
      return timer;
    };
    let child;
    try {
      child = childProcess.spawn(candidate.file, candidate.options.concat(ISOLATED, isMute ? '' : '3', options), {
        cwd: __dirname, // the sources may tell version managers which Python to take
        detached: process.platform !== 'win32',
        env,
        stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
        windowsHide: true,
      });
    } catch (error) {
      resolve({ error });
      return;
    }
    if (!child.pid) {
      child.on('error', (error) => resolve({ error }));
      return;
    }
    const pipe = child.stdio[3];
    const finish = () => {
      timers.forEach(clearTimeout);
      watch.stop = null;
      watch.hasBegun = watch.hasBegun || end.hasBegun;
      child.unref();
      pipe.destroy();
      resolve(end);
    };
    const killIt = () => {
      kill(child, 'SIGKILL');
      after(KILL_SECONDS, finish);
    };
    watch.stop = (signal) => {
      if (end.hasBegun) {
        kill(child, signal);
      } else {
        end.wasStopped = true;
        killIt();
      }
    };
    const killAfter = (delay) =>
      after(delay, () => {
        end.waited = delay;
        killIt();
      });
    const patience = killAfter(seconds);
    const begin = () => {
      if (!end.hasBegun) {
        end.hasBegun = true;
        clearTimeout(patience);
        killAfter(limit);
      }
    };
    if (isMute) {
      begin();
    }
    pipe.on('error', () => {});
    pipe.on('data', begin);
    child.on('error', () => {}); // a signal could not be sent
    child.on('exit', (code, signal) => {
      Object.assign(end, { code, signal });
      if (isMute && code === MUTE) {
        end.hasBegun = false; // it says so even unasked, so it is no main.py
      }
      if (!end.hasBegun || code !== 0) {
        kill(child, 'SIGKILL'); // nothing that it started goes on beside what comes next
      }
      if (end.hasBegun || pipe.destroyed) {
        finish();
      } else {
        pipe.on('close', finish);
        after(PIPE_SECONDS, finish);
      }
    });
  });
}

/** Why another Python should be tried, or null if this one's end is the step's end. */
function unfitness(candidate, end) {
  if (end.error) {
    return EXHAUSTED.has(end.error.code) ? null : `could not be started: ${end.error.code || end.error.message}`;
  }
  if (end.hasBegun) {
    return null;
  }
  if (end.waited) {
    return `did not begin within ${Math.ceil(end.waited)} seconds`;
  }
  if (end.signal) {
    return `was ended by the signal ${end.signal} before it began`;
  }
  const launcherSays = candidate.launcher && LAUNCHER_UNFIT_EXITS.get(end.code);
  return launcherSays || UNFIT_EXITS.get(end.code) || `ended with exit code ${end.code} before it began`;
}

function wasCanceled(end, watch) {
  const isExpected = !end.signal || end.wasStopped || watch.asked.includes(end.signal);
  return watch.asked.length > 0 && (isExpected || !end.hasBegun);
}

/**
 * What is known of a Python that broke off.
 *
 * Here and below, words are what a CI calls things: {step, machine, more, remedy}; `more` says how to see more of
 * a run, `remedy` how to get a Python.
 */
function crashText(words, candidate, end) {
  if (end.error) {
    return (
      `${candidate.file} could not be started: ${end.error.code}. The machine or the user's limits are ` +
      'exhausted, or the environment is too large (E2BIG): remove large variables from the job, or free resources.'
    );
  }
  if (end.code === OUTPUT_FAILED) {
    return `The output of this ${words.step} could not be written whole, so that nothing it said can be relied on.`;
  }
  if (end.waited) {
    return (
      `${candidate.file} did not end within ${end.waited} seconds: ` +
      `something given to this ${words.step} takes it too long.`
    );
  }
  const how = end.signal ? `was ended by the signal ${end.signal}` : `ended with exit code ${end.code}`;
  return (
    `${candidate.file} ${how} before the ${words.step} was done. The lines above may say why; ${words.more} to see ` +
    `more. If this Python is damaged, put another one in its place. ${words.remedy}`
  );
}

function noPythonText(words, rejected) {
  const more = rejected.length - MOST_NAMED;
  const named = rejected.slice(0, MOST_NAMED).concat(more > 0 ? [`${more} more`] : []);
  const found = named.length ? `Found, but unfit: ${named.join('; ')}.` : 'None was found.';
  return `This ${words.step} needs Python 3.10 or newer on the ${words.machine}. ${found} ${words.remedy}`;
}

/** What is known of a failure of these files themselves, without its text, which may hold anything. */
function failureText(words, error) {
  const names = [error && error.name, error && error.code].filter((word) => /^\w+$/.test(word || ''));
  const places = String(error && error.stack).match(/(?:shim|python|output|main|post)\.js:\d+:\d+/g) || [];
  return `The ${words.step}'s start failed: ${names.concat(places.slice(0, 5)).join(' ')}`;
}

/**
 * Runs the first fitting Python; {start, search, run} say how long one and all of them may take to begin, and
 * how long one may take in all.
 *
 * Gives {candidate, end} of the one whose end is the step's end, or {rejected}: why each one was passed over.
 */
async function search(ci, platform, env, watch, seconds = SECONDS) {
  const closedPlace = closedPlaces(ci);
  const inherited = inheritance(platform, env, closedPlace, ci.inherits);
  const tried = new Set();
  const rejected = [];
  const passOver = (candidate, reason) => {
    rejected.push(`${candidate.file} (${reason})`);
    ci.debug(`${candidate.file} is passed over: ${reason}`);
  };
  if (ci.tools && !path.isAbsolute(ci.tools)) {
    ci.debug(`The tool directory ${ci.tools} is passed over: its path is relative`);
  }
  const until = process.uptime() + seconds.search;
  for (const candidate of candidates(platform, env, ci.tools)) {
    const place = closedPlace(path.dirname(candidate.file)) || closedPlace(candidate.file);
    if (place) {
      passOver(candidate, `lies in ${place}, a folder of the job`);
      continue;
    }
    const identity = identityOf(candidate.file);
    const left = Math.min(seconds.start, until - process.uptime());
    if (tried.has(identity)) {
      continue;
    }
    if (tried.size === MOST_STARTS || left <= 0) {
      break;
    }
    tried.add(identity);
    let end = await start(candidate, ci.options, inherited, watch, left, seconds.run, false);
    if (end.code === MUTE && !end.hasBegun && watch.asked.length === 0) {
      end = await start(candidate, ci.options, inherited, watch, left, seconds.run, true);
    }
    const unfit = unfitness(candidate, end);
    if (!unfit || watch.asked.length > 0) {
      return { candidate, end };
    }
    passOver(candidate, unfit);
  }
  return { rejected };
}

module.exports = {
  OUTPUT_FAILED,
  candidates,
  crashText,
  environmentName,
  failureText,
  inheritance,
  noPythonText,
  search,
  unfitness,
  wasCanceled,
  watchSignals,
};
