import type { Resource } from "./types.ts";

type Row = readonly [id: string, title: string, by: string, blockIds: readonly string[], mandatory?: boolean, note?: string];

const kind = (kind: Resource["kind"], row: number, list: readonly Row[]): Resource[] =>
  list.map(([id, title, by, blockIds, mandatory = false, note], i) => ({
    id: `${kind}-${id}`,
    kind,
    title,
    by,
    mandatory,
    rank: i + 1,
    ...(note === undefined ? {} : { note }),
    blockIds,
    rows: [row],
  }));

const production = ["weeks-27-31", "weeks-37-41", "weeks-42-47"];
const mathematics = ["weeks-4-7"];
const deep = ["weeks-21-26"];

/** In Source A's order within each kind. Titles and authors only: what is inside belongs to them. */
export const resources: readonly Resource[] = [
  ...kind("book", 122, [
    ["designing-ml-systems", "Designing Machine Learning Systems", "Chip Huyen", production, true],
    ["hands-on-ml", "Hands-On Machine Learning, 3rd edition", "Aurélien Géron", ["weeks-17-20", "weeks-21-26"]],
    ["mathematics-for-ml", "Mathematics for Machine Learning", "Deisenroth, Faisal, Ong", mathematics, false, "free online"],
    ["statistical-learning", "The Elements of Statistical Learning", "Hastie, Tibshirani, Friedman", ["weeks-17-20"], false, "free online"],
    ["data-intensive-applications", "Designing Data-Intensive Applications", "Martin Kleppmann", ["weeks-32-36"]],
  ]),
  ...kind("course", 123, [
    ["zero-to-hero", "Neural Networks: Zero to Hero", "Andrej Karpathy", deep, true],
    ["full-stack-deep-learning", "Full Stack Deep Learning 2022", "Full Stack Deep Learning", production, true],
    ["made-with-ml", "Made With ML", "Goku Mohandas", production, true],
    ["fast-ai", "Practical Deep Learning for Coders", "fast.ai", deep],
    ["cs229", "CS229: Machine Learning", "Stanford", ["weeks-4-7", "weeks-17-20"], false, "notes free"],
  ]),
  ...kind("blog", 124, [
    ["huyen", "Chip Huyen's blog", "Chip Huyen", production],
    ["yan", "Eugene Yan's blog", "Eugene Yan", ["weeks-32-36"]],
    ["weng", "Lil'Log", "Lilian Weng", deep],
    ["olah", "colah's blog", "Chris Olah", deep],
    ["alammar", "Jay Alammar's blog", "Jay Alammar", deep],
  ]),
  ...kind("channel", 124, [
    ["3blue1brown", "3Blue1Brown", "Grant Sanderson", mathematics],
    ["statquest", "StatQuest", "Josh Starmer", ["weeks-17-20"]],
    ["karpathy", "Andrej Karpathy", "Andrej Karpathy", deep],
    ["kilcher", "Yannic Kilcher", "Yannic Kilcher", deep],
  ]),
  ...kind("repository", 119, [
    ["transformers", "Transformers", "Hugging Face", deep],
    ["pytorch-examples", "PyTorch examples", "PyTorch", deep],
    ["lightgbm", "LightGBM", "Microsoft", ["weeks-17-20"]],
    ["feast", "Feast", "Feast", ["weeks-37-41"]],
    ["ray", "Ray", "Anyscale", ["weeks-27-31"], false, "in one of Source A's two lists only"],
  ]),
  ...kind("community", 125, [
    ["bangalore-ml", "Bangalore ML meetup", "Bengaluru", [], false, "monthly, more than 400 members by Source A"],
    ["ai4bharat", "AI4Bharat", "IIT Madras", [], false, "Indian languages"],
    ["papers-we-love", "Papers We Love", "Pune and Bengaluru", []],
    ["comad-pakdd", "COMAD and PAKDD, India chapters", "India", [], false, "conferences on data mining"],
  ]),
];
