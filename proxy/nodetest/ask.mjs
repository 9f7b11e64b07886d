// Asks all questions of the quickstart's flaky API through OpenAI's SDK, as it comes:
//
//   node ask.mjs BASE_URL QUESTIONS_URL [MAX_RETRIES]
//
// and prints what became of them, as a line of JSON.
import OpenAI from 'openai';

const [baseURL, questionsURL, retries] = process.argv.slice(2);
const maxRetries = retries === undefined ? undefined : Number(retries); // undefined is the SDK's default
const questions = await (await fetch(questionsURL)).json();
const tally = { answered: 0, failed: {}, seconds: 0 };

async function ask(question) {
  const client = new OpenAI({ baseURL, apiKey: question.key, maxRetries });
  try {
    const completion = await client.chat.completions.create(question.body);
    const text = completion.choices[0].message.content;
    if (text !== question.answer) throw new Error(`wrong answer ${text}`);
    tally.answered++;
  } catch (err) {
    const reason = [err.status ?? err.constructor.name, err.code ?? ''].join(' ').trim();
    tally.failed[reason] = (tally.failed[reason] ?? 0) + 1;
  }
}

async function work() {
  for (let q = questions.shift(); q; q = questions.shift()) await ask(q);
}

const start = performance.now();
await Promise.all(Array.from({ length: 16 }, work));
tally.seconds = (performance.now() - start) / 1000;
console.log(JSON.stringify(tally));
