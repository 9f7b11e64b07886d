// Reads a stream through OpenAI's SDK and prints its text. With a second argument, an
// error's name, status, code and message.
//
//   node stream.mjs BASE_URL
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: process.argv[2], apiKey: 'sk-test', maxRetries: 0 });
try {
  const stream = await client.chat.completions.create({
    model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'hello' }],
  });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? '';
  console.log(JSON.stringify({ text }));
} catch (err) {
  console.log(JSON.stringify({ name: err.constructor.name, status: err.status, code: err.code, type: err.type, message: err.message }));
}
