// One customer's whole way through billing, by the official TypeScript SDK as it comes from npm.
// Usage: node journey.mjs BASE_URL; prints one JSON object of what it read back.
import Metronome from "@metronome/sdk";

const client = new Metronome({ bearerToken: "t", baseURL: process.argv[2], maxRetries: 0 });
const { v1, v2 } = client;
const year = "2026-01-01T00:00:00Z";

const metric = await v1.billableMetrics.create({
  name: "Images",
  aggregation_type: "SUM",
  aggregation_key: "n",
  property_filters: [
    { name: "n", exists: true },
    { name: "type", exists: true },
  ],
  group_keys: [["type"]],
});
const product = await v1.contracts.products.create({
  name: "Image generation",
  type: "USAGE",
  billable_metric_id: metric.data.id,
  pricing_group_key: ["type"],
});
const card = await v1.contracts.rateCards.create({ name: "Standard", aliases: [{ name: "standard" }] });
await v1.contracts.rateCards.rates.addMany({
  rate_card_id: card.data.id,
  rates: ["small", "large"].map((type, place) => ({
    product_id: product.data.id,
    starting_at: year,
    entitled: true,
    rate_type: "FLAT",
    price: [2.5, 10][place],
    pricing_group_values: { type },
  })),
});
const customer = await v1.customers.create({ name: "Acme", ingest_aliases: ["acme"] });
const contract = await v1.contracts.create({
  customer_id: customer.data.id,
  rate_card_alias: "standard",
  starting_at: year,
  uniqueness_key: "acme-2026",
});

const usage = (number, type) => ({
  transaction_id: `event ${number}`,
  customer_id: "acme",
  event_type: "image",
  timestamp: "2026-03-15T10:00:00Z",
  properties: { n: String(number), type },
});
await v1.usage.ingest({ usage: [usage(1, "small"), usage(2, "large"), usage(3, "small")] });

const groups = [];
for await (const row of v1.usage.listWithGroups({
  billable_metric_id: metric.data.id,
  customer_id: customer.data.id,
  window_size: "DAY",
  starting_on: "2026-03-15T00:00:00Z",
  ending_before: "2026-03-16T00:00:00Z",
  group_key: ["type"],
  limit: 1,
})) {
  groups.push([row.group.type, row.value]);
}

const drafts = [];
for await (const invoice of v1.customers.invoices.list({ customer_id: customer.data.id, status: "DRAFT" })) {
  drafts.push([invoice.total, invoice.line_items.map((line) => [line.pricing_group_values.type, line.quantity, line.total])]);
}

const clash = await v1.customers
  .create({ name: "Other", ingest_aliases: ["acme"] })
  .then(() => "none", (error) => [error.constructor.name, error.status]);

await v1.contracts.archive({ customer_id: customer.data.id, contract_id: contract.data.id, void_invoices: true });
await v1.customers.setIngestAliases({ customer_id: customer.data.id, ingest_aliases: [] });
await v1.customers.archive({ id: customer.data.id });
await v1.contracts.rateCards.archive({ id: card.data.id });
await v1.contracts.products.archive({ product_id: product.data.id });
await v1.billableMetrics.archive({ id: metric.data.id });
const archived = await v2.contracts.retrieve({ customer_id: customer.data.id, contract_id: contract.data.id });
const left = [];
for await (const each of v1.customers.list()) left.push(each.name);

console.log(JSON.stringify({ groups, drafts, clash, archived: archived.data.archived_at != null, left }));
