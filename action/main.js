'use strict';

// The action's step: masks the token, then has Python run `pip-authenticate env --output github`, by the task's own
// files. What it writes for the job lies in one folder below the runner's temporary one, which post.js removes.

const fs = require('fs');
const path = require('path');
const { InputError, read } = require('./inputs.js');
const { debug, fail, mask } = require('./runner.js');
const python = require('../task/python.js');

const LIBRARY = path.join(__dirname, '..', 'task', 'lib');
const TOKEN = 'PIP_AUTHENTICATE_TOKEN';
const PREFIX = 'pip-authenticate-';
const WORDS = {
  step: 'action',
  machine: 'runner',
  more: 're-run the job with debug logging',
  remedy:
    "Add this step before this one: `- uses: actions/setup-python` with `python-version: '3.x'`. " +
    'In a container job, use an image that has Python 3.10 or newer.',
};
const FAILED_COMMAND = new Set([1, 2, 130]); // its exit codes where it has said what is wrong

// Any step before can set any variable by a line in GITHUB_ENV, except GITHUB_*, RUNNER_* and the declared inputs, and
// nobody tells which ones were set. (How identity tokens are asked for the runner itself sets, where a job may.) So
// Python gets what the command reads and what a system needs, and nothing else; what the inputs say comes as
// arguments, and no PIP_AUTHENTICATE_* variable but the token's speaks beside it.
const INHERITED = new RegExp(
  '^(?:(?:PIP|UV|POETRY|PDM|PIPENV|HATCH|XDG|LC)_(?!AUTHENTICATE_).*' +
    `|${TOKEN}|ACTIONS_ID_TOKEN_REQUEST_(?:URL|TOKEN)` +
    '|CI|GITHUB_(?:ACTIONS|ENV|STEP_SUMMARY|WORKSPACE)|RUNNER_(?:DEBUG|OS|TEMP)' +
    '|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|PROGRAMDATA|NETRC' +
    '|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|TMP|TEMP|TMPDIR|LANG|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH' +
    '|(?:HTTP|HTTPS|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|SSL_CERT_DIR|PYENV_VERSION)$'
);

/** What python.js must know of the runner, but for what it shall run; no step can change what is read here. */
function runner(env) {
  return {
    tools: env.RUNNER_TOOL_CACHE,
    closed: [env.GITHUB_WORKSPACE, env.RUNNER_WORKSPACE, env.RUNNER_TEMP].map((place) => place || ''),
    open: env.RUNNER_TOOL_CACHE || null,
    inherits: (name) => INHERITED.test(name),
    debug,
  };
}

/** Runs one command in a folder of the sources; gives what is wrong, or nothing where it succeeded. */
async function run(ci, env, watch, folder, command) {
  const asked = Object.assign({ options: [folder].concat(command) }, ci);
  const { rejected, candidate, end } = await python.search(asked, process.platform, env, watch);
  if (rejected) {
    return python.noPythonText(WORDS, rejected);
  }
  if (end.hasBegun && end.code === 0) {
    return '';
  }
  if (python.wasCanceled(end, watch)) {
    return 'Adding authentication was canceled.';
  }
  if (end.hasBegun && FAILED_COMMAND.has(end.code)) {
    return `pip-authenticate ${command[0]} failed; the lines above say why.`;
  }
  return python.crashText(WORDS, candidate, end);
}

/** Makes the folder for this step's files, and leaves its path to post.js before anything can lie in it. */
function privateFolder(env) {
  const folder = fs.mkdtempSync(path.join(env.RUNNER_TEMP, PREFIX)); // for the runner's user only
  fs.appendFileSync(env.GITHUB_STATE, `folder=${folder}\n`);
  return folder;
}

async function attempt(env, watch) {
  const token = env.INPUT_TOKEN || env[TOKEN] || '';
  mask(token);
  if (!fs.existsSync(LIBRARY)) {
    fail('These are the sources of the action: name a released version of it, as in `uses: .../pip-authenticate@v1`.');
    return;
  }
  for (const name of ['RUNNER_TEMP', 'GITHUB_STATE', 'GITHUB_WORKSPACE']) {
    if (!env[name]) {
      fail(`There is no ${name}: this action needs a runner of GitHub Actions.`);
      return;
    }
  }
  const { folder, command } = read(env);
  const given = Object.assign({}, env, { [TOKEN]: token, RUNNER_TEMP: privateFolder(env) });
  const wrong = await run(runner(env), given, watch, folder, command);
  if (wrong) {
    fail(wrong);
  }
}

async function main(env) {
  const watch = python.watchSignals();
  try {
    await attempt(env, watch);
  } catch (error) {
    fail(error instanceof InputError ? error.message : python.failureText(WORDS, error));
  }
}

main(process.env);
