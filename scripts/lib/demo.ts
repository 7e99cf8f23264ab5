/** The words of the demo data. */

export const REGIONS: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ["DEL", "Delhi"],
  ["MH", "Maharashtra"],
  ["KA", "Karnataka"],
  ["WB", "West Bengal"],
  ["TN", "Tamil Nadu"],
  ["UP", "Uttar Pradesh"],
];

export const NAMES = [
  "Asha",
  "Ravi",
  "Meena",
  "Arjun",
  "Lakshmi",
  "Imran",
  "Pooja",
  "Vikram",
  "Fatima",
  "Suresh",
];

export const LECTURES: readonly (readonly [string, string, number])[] = [
  ["Everyday greetings", "conversation", 420],
  ["Present and past", "grammar", 600],
  ["Words for the market", "vocabulary", 480],
  ["Sounds that Hindi lacks", "pronunciation", 540],
];

const choice = (text: string, right: string, ...wrong: string[]) => ({
  question: text,
  questionType: "multiple_choice",
  options: [right, ...wrong].map((option, n) => ({ text: option, isCorrect: n === 0 })),
  correctAnswer: right,
});

export const GAMES = [
  {
    title: "Is, am, are",
    gameType: "grammar",
    questions: [
      choice("She ___ a doctor.", "is", "are", "am"),
      choice("They ___ at home.", "are", "is", "am"),
      choice("I ___ ready.", "am", "is", "are"),
    ],
  },
  {
    title: "What is it?",
    gameType: "identification",
    questions: [choice("It has four legs and you sit on it.", "chair", "lamp", "door")],
  },
  {
    title: "Say it right",
    gameType: "pronunciation",
    questions: [{ question: "vegetable", questionType: "pronunciation", correctAnswer: "vegetable" }],
  },
  {
    title: "My village",
    gameType: "storytelling",
    questions: [{ question: "Tell us about your village in five sentences.", questionType: "story" }],
  },
] as const;
