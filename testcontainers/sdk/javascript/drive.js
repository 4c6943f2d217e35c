// Drives Genesys Cloud, or what stands in for it, with the vendor's SDK for JavaScript, and knows nothing of convstream.
//
// Usage: node drive.js < plan.json > findings.json
//
// The plan and the findings are those of plan_test.go. What the SDK gives is told as it is, but for instants, which are
// told in epoch milliseconds as JavaScript's own Date reads them.
'use strict';

const sdk = require('purecloud-platform-client-v2');

const client = sdk.ApiClient.instance;
client.setReturnExtendedResponses(true); // the only way to see status and headers
const api = new sdk.AnalyticsApi();

function sleep(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

function instant(text) {
  return text === undefined || text === null ? null : new Date(text).getTime();
}

// The SDK wants a region's name, and speaks to others through its gateway settings only.
async function enter(platform, plan, secret = plan.clientSecret) {
  const url = new URL(platform);
  client.config.setGateway({ host: url.hostname, protocol: url.protocol.replace(':', ''), port: Number(url.port) });
  await client.loginClientCredentialsGrant(plan.clientId, secret);
}

function told(conversation) {
  return {
    id: conversation.conversationId,
    start: instant(conversation.conversationStart),
    end: instant(conversation.conversationEnd),
    whole: conversation,
  };
}

// refusal is what the SDK throws for an answer that is none of success.
async function refusal(call) {
  try {
    await call();
  } catch (thrown) {
    const answer = thrown.response ? { ...thrown.response, body: thrown.response.data } : thrown;
    if (answer.status === undefined) throw thrown; // no answer at all
    return { status: answer.status, headers: { ...answer.headers }, body: answer.body };
  }
  return { status: 0 };
}

async function run(job, plan) {
  const { body: { jobId } } = await api.postAnalyticsConversationsDetailsJobs(job.body);
  const found = { name: job.name, states: [], pages: [], conversations: [] };
  for (;;) {
    const { body: status } = await api.getAnalyticsConversationsDetailsJob(jobId);
    if (found.states.at(-1) !== status.state) found.states.push(status.state);
    if (status.state !== 'QUEUED' && status.state !== 'PENDING') {
      found.submitted = instant(status.submissionDate);
      found.completed = instant(status.completionDate);
      found.expires = instant(status.expirationDate);
      break;
    }
    await sleep(plan.pollMs);
  }
  for (let cursor; ; ) {
    const { body: page } = await api.getAnalyticsConversationsDetailsJobResults(jobId, { cursor, pageSize: plan.pageSize });
    const conversations = page.conversations ?? [];
    found.pages.push({ rows: conversations.length, available: instant(page.dataAvailabilityDate) });
    found.conversations.push(...conversations.map(told));
    cursor = page.cursor;
    if (!cursor) return found;
  }
}

async function cancel(body) {
  const { body: { jobId } } = await api.postAnalyticsConversationsDetailsJobs(body);
  const state = async () => (await api.getAnalyticsConversationsDetailsJob(jobId)).body.state;
  const before = await state();
  const { status } = await api.deleteAnalyticsConversationsDetailsJob(jobId);
  return {
    before,
    status,
    after: await state(),
    results: await refusal(() => api.getAnalyticsConversationsDetailsJobResults(jobId, {})),
  };
}

// query reads pages up to and with the first one that has no conversations.
async function query(body, pageSize) {
  const found = { totalHits: [], pages: [], conversations: [] };
  for (let pageNumber = 1; ; pageNumber++) {
    const { body: page } = await api.postAnalyticsConversationsDetailsQuery({ ...body, paging: { pageSize, pageNumber } });
    const conversations = page.conversations ?? [];
    found.totalHits.push(page.totalHits);
    found.pages.push(conversations.length);
    found.conversations.push(...conversations.map(told));
    if (conversations.length === 0) return found;
  }
}

const available = async () => instant((await api.getAnalyticsConversationsDetailsJobsAvailability()).body.dataAvailabilityDate);

async function plain(plan, refusals) {
  refusals['wrong secret'] = await refusal(() => enter(plan.plain, plan, 'wrong'));
  client.setAccessToken('nobody gave this out');
  refusals['wrong token'] = await refusal(available);
  await enter(plan.plain, plan);
  const findings = { available: await available(), jobs: [] };
  findings.cancelled = await cancel(plan.jobs[0].body);
  for (const job of plan.jobs) findings.jobs.push(await run(job, plan));
  findings.query = await query(plan.query, plan.queryPageSize);
  for (const { name, body } of plan.badJobs) {
    refusals[name] = await refusal(() => api.postAnalyticsConversationsDetailsJobs(body));
  }
  refusals['query too long'] = await refusal(() => api.postAnalyticsConversationsDetailsQuery(plan.longQuery));
  refusals['unknown job'] = await refusal(() => api.getAnalyticsConversationsDetailsJob(plan.unknownJob));
  return findings;
}

// busy submits a job where one is too many, and again for as long as it is asked to wait. The SDK leaves that to us.
async function busy(plan, refusals) {
  await enter(plan.busy, plan);
  const submit = () => api.postAnalyticsConversationsDetailsJobs(plan.jobs[0].body);
  await submit();
  for (;;) {
    const answer = await refusal(submit);
    if (answer.status === 0) return;
    refusals['too many'] ??= answer;
    if (answer.status !== 429) return;
    await sleep(1000 * Number(answer.headers['retry-after']));
  }
}

async function main(plan) {
  const refusals = {};
  const findings = { ...(await plain(plan, refusals)), refusals };
  await busy(plan, refusals);

  await enter(plan.unhelpful, plan);
  await api.postAnalyticsConversationsDetailsJobs(plan.jobs[0].body);
  refusals['too many, unhelpfully'] = await refusal(() => api.postAnalyticsConversationsDetailsJobs(plan.jobs[0].body));

  await enter(plan.agent, plan);
  refusals['agent availability'] = await refusal(available);
  refusals['agent job'] = await refusal(() => api.postAnalyticsConversationsDetailsJobs(plan.jobs[0].body));

  await enter(plan.nobody, plan);
  refusals['nobody job'] = await refusal(() => api.postAnalyticsConversationsDetailsJobs(plan.jobs[0].body));
  return findings;
}

main(JSON.parse(require('fs').readFileSync(0, 'utf8'))).then(
  (findings) => process.stdout.write(JSON.stringify(findings)),
  (thrown) => {
    console.error(thrown?.stack ?? JSON.stringify(thrown));
    process.exitCode = 1;
  },
);
