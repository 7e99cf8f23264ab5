//! Games: grading answers (contract: learning.yaml, x-scoring.games), and what is wrong with a list of questions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::scoring::percent;

/// A question, as far as grading reads it.
#[derive(Debug, Clone)]
pub struct Key<'a> {
    /// 1-based number.
    pub number: i64,
    /// Has options, of which at least one is right.
    pub multiple_choice: bool,
    /// Text and whether it is right.
    pub options: Vec<(&'a str, bool)>,
    /// The right answer of other questions.
    pub correct: Option<&'a str>,
    /// Points of a right answer.
    pub points: f64,
    /// Told after grading.
    pub explanation: Option<&'a str>,
}

impl Key<'_> {
    /// What counts as the right answer: the first right option, or the stored key.
    #[must_use]
    pub fn right_answer(&self) -> Option<&str> {
        let option = self.options.iter().find(|(_, right)| *right).map(|(text, _)| *text);
        if self.multiple_choice { option.or(self.correct) } else { self.correct }
    }

    /// Options are compared exactly, free texts without regard to case and outer blanks (recommended-tolerance).
    fn is_right(&self, answer: &str) -> bool {
        if self.multiple_choice {
            return self.options.iter().find(|(text, _)| *text == answer).is_some_and(|(_, right)| *right);
        }
        self.correct.is_some_and(|correct| correct.trim().to_lowercase() == answer.trim().to_lowercase())
    }
}

/// An answer, as sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Number of the question.
    pub number: i64,
    /// What was chosen; nothing when it was left open.
    pub selected: Option<String>,
}

/// A graded answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Graded {
    /// Number of the question.
    pub question_number: i64,
    /// What was chosen.
    pub selected_answer: Option<String>,
    /// What is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_answer: Option<String>,
    /// Whether that was chosen.
    pub is_correct: bool,
    /// Points for it.
    pub earned_points: f64,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// The result of a play.
#[derive(Debug, Clone, PartialEq)]
pub struct Marks {
    /// Sum of points.
    pub score: f64,
    /// Share of right answers among all questions, by count.
    pub percentage: i64,
    /// Right answers.
    pub correct: usize,
    /// Enough of them.
    pub passed: bool,
    /// One for each graded answer, in the order of the request.
    pub details: Vec<Graded>,
    /// Questions that were answered.
    pub answered: usize,
}

/// Grades a play: each question once, by its first answer; unknown numbers are skipped.
#[must_use]
pub fn grade(keys: &[Key<'_>], answers: &[Answer], total: i64, passing: f64) -> Marks {
    let mut details: Vec<Graded> = Vec::new();
    for answer in answers {
        let seen = details.iter().any(|graded| graded.question_number == answer.number);
        let Some(key) = keys.iter().find(|key| key.number == answer.number).filter(|_| !seen) else {
            continue;
        };
        let is_correct = answer.selected.as_deref().is_some_and(|selected| key.is_right(selected));
        details.push(Graded {
            question_number: answer.number,
            selected_answer: answer.selected.clone(),
            correct_answer: key.right_answer().map(str::to_owned),
            is_correct,
            earned_points: if is_correct { key.points } else { 0.0 },
            explanation: key.explanation.map(str::to_owned),
        });
    }
    let correct = details.iter().filter(|graded| graded.is_correct).count();
    let percentage = percent(correct, usize::try_from(total).unwrap_or(0));
    #[expect(clippy::cast_precision_loss, reason = "0 to 100")]
    let passed = percentage as f64 >= passing;
    Marks {
        score: details.iter().map(|graded| graded.earned_points).sum(),
        percentage,
        correct,
        passed,
        answered: details.iter().filter(|graded| graded.selected_answer.is_some()).count(),
        details,
    }
}

/// A question, as far as its completeness goes.
#[derive(Debug, Clone, Copy)]
pub struct Outline {
    /// Has options.
    pub multiple_choice: bool,
    /// Count of options.
    pub options: usize,
    /// One of them is right.
    pub one_is_right: bool,
    /// Another kind of question has its key.
    pub has_answer: bool,
}

/// What is wrong with the questions of a game, one text for each faulty one.
#[must_use]
pub fn faults(questions: &[Outline]) -> Vec<String> {
    let fault = |question: &Outline| match question {
        Outline { multiple_choice: true, options: 0 | 1, .. } => Some("needs at least 2 options"),
        Outline { multiple_choice: true, one_is_right: false, .. } => Some("needs an option that is right"),
        Outline { multiple_choice: false, has_answer: false, .. } => Some("needs a correct answer"),
        _ => None,
    };
    let texts = (1..).zip(questions).filter_map(|(number, question)| Some((number, fault(question)?)));
    texts.map(|(number, fault): (usize, _)| format!("Question {number} {fault}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(number: i64) -> Key<'static> {
        Key {
            number,
            multiple_choice: true,
            options: vec![("goes", true), ("go", false)],
            correct: None,
            points: 10.0,
            explanation: Some("he goes"),
        }
    }

    fn blank(number: i64) -> Key<'static> {
        Key { multiple_choice: false, options: vec![], correct: Some("Apple"), points: 5.0, ..choice(number) }
    }

    fn answer(number: i64, selected: Option<&str>) -> Answer {
        Answer { number, selected: selected.map(str::to_owned) }
    }

    #[test]
    fn plays_are_graded() {
        let keys = [choice(1), blank(2), choice(3)];
        for (answers, score, percentage, correct, passed) in [
            (
                vec![answer(1, Some("goes")), answer(2, Some(" apple ")), answer(3, Some("go"))],
                15.0,
                67,
                2,
                true,
            ),
            // The case of an option matters, that of a free text does not.
            (vec![answer(1, Some("Goes")), answer(2, Some("APPLE"))], 5.0, 33, 1, false),
            // The first answer to a question counts; unknown questions and open answers earn nothing.
            (vec![answer(1, Some("go")), answer(1, Some("goes")), answer(9, Some("goes"))], 0.0, 0, 0, false),
            (vec![answer(1, None), answer(3, Some("goes"))], 10.0, 33, 1, false),
            (vec![], 0.0, 0, 0, false),
        ] {
            let marks = grade(&keys, &answers, 3, 60.0);
            assert_eq!(
                (marks.score, marks.percentage, marks.correct, marks.passed),
                (score, percentage, correct, passed),
                "{answers:?}"
            );
        }
    }

    #[test]
    fn faulty_questions_are_named() {
        let good = Outline { multiple_choice: true, options: 2, one_is_right: true, has_answer: false };
        let texts = faults(&[
            good,
            Outline { options: 1, ..good },
            Outline { one_is_right: false, ..good },
            Outline { multiple_choice: false, ..good },
            Outline { multiple_choice: false, has_answer: true, ..good },
        ]);
        assert_eq!(
            texts,
            [
                "Question 2 needs at least 2 options",
                "Question 3 needs an option that is right",
                "Question 4 needs a correct answer"
            ]
        );
    }
}
