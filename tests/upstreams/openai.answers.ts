/** What the local model says when nobody told it what to say: enough for development, and the same every time. */

export interface Turn {
  role: string;
  content: string;
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}']+/gu) ?? [];

/** A value of the JSON that a question carries, wherever it stands in the text. */
function given(text: string, name: string): unknown {
  const [from, to] = [text.indexOf("{"), text.lastIndexOf("}")];
  try {
    return (JSON.parse(text.slice(from, to + 1)) as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

const letter = (score: number) =>
  score >= 90 ? "A" : score >= 80 ? "B" : score >= 70 ? "C" : score >= 60 ? "D" : "F";

function aboutPronunciation(question: string): object {
  const target = wordsOf(String(given(question, "target_word") ?? ""));
  const heard = new Set(wordsOf(String(given(question, "transcript") ?? "")));
  const right = target.filter((word) => heard.has(word));
  const accuracy = target.length === 0 ? 50 : Math.round((right.length / target.length) * 65) + 30;
  const part = (most: number) => Math.round((most * accuracy) / 100);
  return {
    accuracy,
    feedback:
      right.length === target.length
        ? "Clear and easy to understand."
        : "Listen to the word once more, and take it slowly.",
    improvements: right.length === target.length ? [] : ["Stress the first syllable", "Open the vowel"],
    score_breakdown: {
      consonants: part(20),
      vowels: part(20),
      stress: part(15),
      intonation: part(15),
      clarity: part(10),
      articulation: part(10),
      fluency: part(10),
    },
    phonetic_analysis: {
      correct_sounds: right,
      incorrect_sounds: target.filter((word) => !heard.has(word)),
      stress_pattern: "as usual",
      common_errors: [],
    },
    grade: letter(accuracy),
    difficulty_appropriate: "yes",
  };
}

function aboutStory(question: string): object {
  const words = wordsOf(String(given(question, "story") ?? question));
  const variety = words.length === 0 ? 0 : new Set(words).size / words.length;
  const overall = Math.min(95, Math.round(45 + Math.min(words.length, 100) / 4 + variety * 25));
  const part = (most: number) => Math.round((most * overall) / 100);
  return {
    overall_score: overall,
    feedback: "A story with a clear beginning. Give it a turn, and an end.",
    strengths: ["The sentences are easy to follow"],
    improvements: ["Say how the place looks, sounds and smells"],
    score_breakdown: {
      creativity: part(25),
      grammar: part(25),
      vocabulary: part(20),
      coherence: part(15),
      keyword_usage: part(15),
    },
    detailed_analysis: {
      plot_development: "One thing leads to the next.",
      character_development: "We would like to know them better.",
      language_use: "Plain and correct.",
      engagement: "One wants to know how it ends.",
    },
    grammar_errors: [],
    vocabulary_highlights: words.filter((word) => word.length > 7).slice(0, 3),
    missed_keywords: [],
    grade: letter(overall),
    difficulty_assessment: "Fits the level.",
    word_count_bonus: 0,
    time_management_bonus: 0,
  };
}

/** The content of an answer to these turns. */
export function sensibleAnswer(turns: Turn[]): string {
  const system = turns.find(({ role }) => role === "system")?.content ?? "";
  const question = turns.findLast(({ role }) => role === "user")?.content ?? "";
  if (/overall_score/.test(system + question)) return JSON.stringify(aboutStory(question));
  if (/accuracy/.test(system + question) && /JSON/i.test(system + question)) {
    const items = given(question, "items");
    if (!Array.isArray(items)) return JSON.stringify(aboutPronunciation(question));
    return JSON.stringify({ evaluations: items.map((item) => aboutPronunciation(JSON.stringify(item))) });
  }
  if (system === "") return "Hello! How can I help you with your English today?";
  return [
    `You asked: "${question.slice(0, 200)}"`,
    "This is the tutor of your development machine, so there is no real model behind it. Try a sentence of your own " +
      "with the new words, and read it aloud.",
    "Well done for asking! What would you like to know next?",
  ].join("\n\n");
}
