//! Scores of spoken words and written stories (contract: x-ai.local-scoring). Whatever a model says is recomputed and
//! clamped here; without a model the fallbacks score.

use serde::Serialize;
use utoipa::ToSchema;

/// Rounds halves up, as the contract does.
#[expect(clippy::cast_possible_truncation, reason = "scores are small")]
fn round(value: f64) -> i64 {
    (value + 0.5).floor() as i64
}

#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
fn real(count: usize) -> f64 {
    count as f64
}

/// How demanding a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Difficulty {
    /// A word counts a little less.
    Easy,
    /// As it is.
    #[default]
    Medium,
    /// A little more.
    Hard,
}

impl Difficulty {
    /// Unknown words count as medium.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        match text {
            "easy" => Self::Easy,
            "hard" => Self::Hard,
            _ => Self::Medium,
        }
    }

    fn spoken(self) -> f64 {
        match self {
            Self::Easy => 0.9,
            Self::Medium => 1.0,
            Self::Hard => 1.1,
        }
    }

    fn written(self) -> f64 {
        match self {
            Self::Easy => 0.9,
            Self::Medium => 1.0,
            Self::Hard => 1.15,
        }
    }
}

/// A letter for a score.
#[must_use]
pub fn grade(score: f64) -> &'static str {
    match score {
        score if score >= 90.0 => "A",
        score if score >= 80.0 => "B",
        score if score >= 70.0 => "C",
        score if score >= 60.0 => "D",
        _ => "F",
    }
}

/// A letter that a model gave: A to F, with a plus or minus.
#[must_use]
pub fn is_grade(text: &str) -> bool {
    let mut chars = text.chars();
    matches!(chars.next(), Some('A'..='F'))
        && matches!((chars.next(), chars.next()), (None | Some('+' | '-'), None))
}

/// The final score of a spoken word.
#[must_use]
pub fn spoken_score(accuracy: f64, difficulty: Difficulty) -> i64 {
    round(accuracy.clamp(0.0, 100.0) * difficulty.spoken()).min(100)
}

/// The parts of a spoken word's score, as the app prints them: of 30, 30, 20 and 20.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SpokenParts {
    /// Of 30.
    pub consonants: i64,
    /// Of 30.
    pub vowels: i64,
    /// Of 20.
    pub stress: i64,
    /// Of 20.
    pub fluency: i64,
}

impl SpokenParts {
    /// Shares of the accuracy.
    #[must_use]
    pub fn of(accuracy: f64) -> Self {
        Self {
            consonants: round(0.3 * accuracy),
            vowels: round(0.3 * accuracy),
            stress: round(0.2 * accuracy),
            fluency: round(0.2 * accuracy),
        }
    }

    /// What a model gave, of 20, 20, 15 and 10, on the app's scale; parts that it left out are shares of the accuracy.
    #[must_use]
    pub fn scaled(accuracy: f64, given: [Option<f64>; 4]) -> Self {
        let own = Self::of(accuracy);
        let [consonants, vowels, stress, fluency] = given;
        let scale = |value: Option<f64>, from: f64, to: f64, otherwise: i64| {
            value.map_or(otherwise, |value| round(value.clamp(0.0, from) / from * to))
        };
        Self {
            consonants: scale(consonants, 20.0, 30.0, own.consonants),
            vowels: scale(vowels, 20.0, 30.0, own.vowels),
            stress: scale(stress, 15.0, 20.0, own.stress),
            fluency: scale(fluency, 10.0, 20.0, own.fluency),
        }
    }
}

/// How alike two texts are, 0 to 1: by edit distance, whatever the case.
#[must_use]
pub fn similarity(one: &str, other: &str) -> f64 {
    let one: Vec<char> = one.trim().to_lowercase().chars().collect();
    let other: Vec<char> = other.trim().to_lowercase().chars().collect();
    let longer = one.len().max(other.len());
    if longer == 0 { 1.0 } else { real(longer - distance(&one, &other)) / real(longer) }
}

/// Levenshtein's distance, a row at a time.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        let mut next = vec![left];
        for (b, above) in other.iter().zip(row.iter().skip(1)) {
            let cell = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            diagonal = *above;
            left = cell;
            next.push(cell);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// The accuracy of a transcript when no model is there to judge it.
#[must_use]
pub fn estimated_accuracy(target: &str, heard: &str) -> f64 {
    (100.0 * similarity(target, heard) + 0.5).floor()
}

/// What is counted of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Words between blanks.
    pub words: usize,
    /// Keywords that the story contains, in the order they were asked, whatever the case.
    pub used: Vec<String>,
    /// 0 to 10 for more words than asked.
    pub word_bonus: i64,
    /// 0 to 5 for less time than allowed.
    pub time_bonus: i64,
}

/// Counts a story.
#[must_use]
pub fn count(story: &str, keywords: &[String], least_words: u32, seconds: f64, most_seconds: f64) -> Counted {
    let words = story.split_whitespace().count();
    let folded = story.to_lowercase();
    let used = keywords.iter().filter(|keyword| folded.contains(&keyword.to_lowercase())).cloned().collect();
    let least = f64::from(least_words.max(1));
    #[expect(clippy::cast_possible_truncation, reason = "0 to 10")]
    let word_bonus =
        if real(words) < least { 0 } else { ((real(words) / least - 1.0) * 5.0).floor().min(10.0) as i64 };
    #[expect(clippy::cast_possible_truncation, reason = "0 to 5")]
    let time_bonus = if seconds > 0.0 && seconds < most_seconds {
        ((most_seconds - seconds) / most_seconds * 5.0).floor().min(5.0) as i64
    } else {
        0
    };
    Counted { words, used, word_bonus, time_bonus }
}

/// The final score of a story.
#[must_use]
pub fn written_score(overall: f64, counted: &Counted, difficulty: Difficulty) -> i64 {
    #[expect(clippy::cast_precision_loss, reason = "0 to 15")]
    let bonus = (counted.word_bonus + counted.time_bonus) as f64;
    round((overall.clamp(0.0, 100.0) + bonus) * difficulty.written()).min(100)
}

/// The parts of a story's score: of 25, 25, 20, 15 and 15.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct WrittenParts {
    /// Of 25.
    pub creativity: i64,
    /// Of 25.
    pub grammar: i64,
    /// Of 20.
    pub vocabulary: i64,
    /// Of 15.
    pub coherence: i64,
    /// Of 15.
    pub keyword_usage: i64,
}

impl WrittenParts {
    /// What a model gave; parts that it left out are shares of the overall score.
    #[must_use]
    pub fn clamped(overall: f64, given: [Option<f64>; 5]) -> Self {
        let [creativity, grammar, vocabulary, coherence, keywords] = given;
        let part =
            |value: Option<f64>, most: f64| round(value.unwrap_or(overall * most / 100.0).clamp(0.0, most));
        Self {
            creativity: part(creativity, 25.0),
            grammar: part(grammar, 25.0),
            vocabulary: part(vocabulary, 20.0),
            coherence: part(coherence, 15.0),
            keyword_usage: part(keywords, 15.0),
        }
    }
}

/// The score of a story when no model is there to judge it: length, keywords, and a base.
#[must_use]
pub fn estimated_story(counted: &Counted, asked: usize, least_words: u32) -> (i64, WrittenParts) {
    let length = (real(counted.words) / f64::from(least_words.max(1)) * 40.0).min(40.0);
    let keywords = if asked == 0 { 30.0 } else { real(counted.used.len()) / real(asked) * 30.0 };
    let overall = round(length + keywords + 30.0);
    #[expect(clippy::cast_precision_loss, reason = "0 to 100")]
    let share = |part: f64| round(part * overall as f64);
    let parts = WrittenParts {
        creativity: share(0.25),
        grammar: share(0.25),
        vocabulary: share(0.20),
        coherence: share(0.15),
        // The app shows it of 15.
        keyword_usage: round(keywords / 2.0),
    };
    (overall, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spoken_words() {
        for (accuracy, difficulty, expected) in [
            (80.0, Difficulty::Easy, 72),
            (80.0, Difficulty::Medium, 80),
            (85.0, Difficulty::Hard, 94),
            (95.0, Difficulty::Hard, 100),
            (-5.0, Difficulty::Medium, 0),
            (120.0, Difficulty::Medium, 100),
        ] {
            assert_eq!(spoken_score(accuracy, difficulty), expected, "{accuracy}");
        }
        assert_eq!(
            SpokenParts::of(75.0),
            SpokenParts { consonants: 23, vowels: 23, stress: 15, fluency: 15 }
        );
        let scaled = SpokenParts::scaled(75.0, [Some(20.0), Some(10.0), Some(99.0), None]);
        assert_eq!(scaled, SpokenParts { consonants: 30, vowels: 15, stress: 20, fluency: 15 });
    }

    #[test]
    fn texts_are_compared_by_edits() {
        for (one, other, expected) in [
            ("kitten", "sitting", 57.0),
            ("Hello", " hello ", 100.0),
            ("", "", 100.0),
            ("abc", "", 0.0),
            ("नमस्ते", "नमस्ते", 100.0),
        ] {
            assert!((estimated_accuracy(one, other) - expected).abs() < 0.01, "{one} {other}");
        }
    }

    #[test]
    fn stories_as_the_contract_observed_them() {
        let story = "one two three four five six seven eight nine ten eleven twelve thirteen";
        let keywords = ["TWO".to_owned(), "moon".to_owned()];
        let counted = count(story, &keywords, 5, 30.0, 100.0);
        assert_eq!(counted, Counted { words: 13, used: vec!["TWO".into()], word_bonus: 8, time_bonus: 3 });
        assert_eq!(written_score(60.0, &counted, Difficulty::Hard), 82);
        let (overall, parts) = estimated_story(&counted, 2, 5);
        assert_eq!(overall, 85);
        assert_eq!(
            parts,
            WrittenParts { creativity: 21, grammar: 21, vocabulary: 17, coherence: 13, keyword_usage: 8 }
        );
        assert_eq!(estimated_story(&counted, 0, 5).0, 100);
        assert_eq!(grade(85.0), "B");
    }

    #[test]
    fn bonuses_have_bounds() {
        let keywords: [String; 0] = [];
        for (words, least, seconds, most, expected) in [
            (4, 5, 0.0, 100.0, (0, 0)),
            (5, 5, 100.0, 100.0, (0, 0)),
            (100, 5, 1.0, 300.0, (10, 4)),
            (9, 5, 50.0, 100.0, (4, 2)),
        ] {
            let counted = count(&"w ".repeat(words), &keywords, least, seconds, most);
            assert_eq!((counted.word_bonus, counted.time_bonus), expected, "{words} of {least}");
        }
    }

    #[test]
    fn grades_of_models_are_checked() {
        assert!(["A", "A+", "F", "B-"].into_iter().all(is_grade));
        assert!(["", "G", "A++", "a", "Best"].into_iter().all(|text| !is_grade(text)));
    }
}
