//! The one table of actions with their keys.

use ratatui::crossterm::event::KeyCode;

use super::key::{char, control, key, shift};
use super::{Action, Context, Entry};
use crate::ui::views::View;

macro_rules! actions {
    ($($context:ident $action:ident $(($of:expr))? [$($key:expr),*] $label:literal $help:literal;)*) => {
        /// Every action with its keys, in the order of help. The footer shows those with a label, the first ones first.
        pub const ACTIONS: &[Entry] = &[$(Entry {
            action: Action::$action $(($of))?, context: Context::$context, keys: &[$($key),*], label: $label, help: $help,
        },)*];
    };
}

actions! {
    Session Step [key(KeyCode::Right), char(' ')] "step" "take the token that the draw landed on";
    Session Back [key(KeyCode::Left)] "back" "one token back; nothing is computed again";
    Session Force [key(KeyCode::Enter)] "force" "take the selected token instead";
    Session Redraw [char('r')] "redraw" "draw another random number u for this step";
    Session Run [char('g')] "run" "run on at a pace that can be followed, or stop";
    Session Mode [char('s')] "" "greedy or sampling";
    Session Redo [shift(KeyCode::Right), char('f')] "" "forward along the text that is there, whatever the draw";
    Session RunFast [char('G')] "" "run on as fast as the model can, or stop";
    Chain NextStage [key(KeyCode::Tab)] "stage" "select the next stage of the chain";
    Chain Raise [char('+'), char('=')] "more" "raise the selected stage's value, or switch it on";
    Chain Lower [char('-'), char('_')] "less" "lower the selected stage's value, or switch it on";
    Chain Toggle [char('x')] "on/off" "switch the selected stage on or off";
    Chain PreviousStage [shift(KeyCode::Tab)] "" "select the previous stage of the chain";
    Chain Add [char('a')] "" "add a stage to the chain";
    Chain Remove [key(KeyCode::Delete), key(KeyCode::Backspace)] "" "take the selected stage out of the chain";
    Chain Cooler [char('t')] "" "lower the temperature";
    Chain Warmer [char('T')] "" "raise the temperature";
    Chain FewerK [char('k')] "" "lower top_k";
    Chain MoreK [char('K')] "" "raise top_k";
    Chain FewerP [char('p')] "" "lower top_p";
    Chain MoreP [char('P')] "" "raise top_p";
    Chain LowerMin [char('m')] "" "lower min_p";
    Chain HigherMin [char('M')] "" "raise min_p";
    Step RowUp [key(KeyCode::Up)] "" "select the token above";
    Step RowDown [key(KeyCode::Down)] "" "select the token below";
    Step PageUp [key(KeyCode::PageUp)] "" "a page of tokens up";
    Step PageDown [key(KeyCode::PageDown)] "" "a page of tokens down";
    Step First [key(KeyCode::Home)] "" "the most probable token";
    Step Last [key(KeyCode::End)] "" "the least probable token of the vocabulary";
    Step ToDrawn [char('d')] "" "select the token that the draw landed on";
    Beam Step [key(KeyCode::Right), char(' ')] "step" "one step of the search forward";
    Beam Back [key(KeyCode::Left)] "back" "one step back";
    Beam RowDown [key(KeyCode::Down)] "select" "select the candidate below";
    Beam LowerAlpha [char('a')] "" "lower the length penalty: short hypotheses gain";
    Beam HigherAlpha [char('A')] "" "raise the length penalty: long hypotheses gain";
    Beam Optimum [char('e')] "optimum" "prove the most probable sequence of the tokens shown, at most 6; Esc stops";
    Beam Ledger [char('d')] "ledger" "hypotheses, or the ledger of the step's candidates";
    Beam Fold [key(KeyCode::Enter)] "fold" "fold or unfold the branch of the selected candidate";
    Beam RowUp [key(KeyCode::Up)] "" "select the candidate above";
    Beam PageUp [key(KeyCode::PageUp)] "" "a page of the tree up";
    Beam PageDown [key(KeyCode::PageDown)] "" "a page of the tree down";
    Beam First [key(KeyCode::Home)] "" "back to the prompt";
    Beam Last [key(KeyCode::End)] "" "on to the last step";
    Beam FewerBeams [char('b')] "" "fewer beams";
    Beam MoreBeams [char('B')] "" "more beams";
    Beam LengthNorm [char('n')] "" "the next length norm: transformers, GNMT, vLLM, none";
    Beam BeamKind [char('s')] "" "the next strategy: beam, beam-sample, diverse-beam";
    Beam EarlyStopping [char('E')] "" "the next rule of early stopping: true, false, never";
    Beam Shorter [char('l')] "" "shorter sequences";
    Beam Longer [char('L')] "" "longer sequences";
    Compare Step [key(KeyCode::Right), char(' ')] "step" "one step forward, all columns together";
    Compare Back [key(KeyCode::Left)] "back" "one step back";
    Compare NextColumn [key(KeyCode::Tab)] "column" "select the next column: the keys below are about it";
    Compare Strategy [char('s')] "strategy" "its next strategy: greedy, sample, beam search and its kinds";
    Compare SharedDraws [char('r')] "share draws" "the same random numbers for all columns, or a seed for each";
    Compare New [char('n')] "new" "another column, a copy of the selected one";
    Compare EditSelected [key(KeyCode::Enter)] "chain" "type its whole chain";
    Compare PreviousColumn [shift(KeyCode::Tab)] "" "select the previous column";
    Compare Remove [key(KeyCode::Delete), key(KeyCode::Backspace)] "" "take the column away";
    Compare Cooler [char('t')] "" "lower its temperature";
    Compare Warmer [char('T')] "" "raise its temperature";
    Compare FewerK [char('k')] "" "lower its top_k";
    Compare MoreK [char('K')] "" "raise its top_k";
    Compare FewerP [char('p')] "" "lower its top_p";
    Compare MoreP [char('P')] "" "raise its top_p";
    Compare LowerMin [char('m')] "" "lower its min_p";
    Compare HigherMin [char('M')] "" "raise its min_p";
    Compare FewerBeams [char('b')] "" "fewer beams";
    Compare MoreBeams [char('B')] "" "more beams";
    Compare LowerSeed [char('z')] "" "the seed before: of the column, or the one that all share";
    Compare HigherSeed [char('Z')] "" "the next seed";
    Compare Shorter [char('l')] "" "shorter sequences";
    Compare Longer [char('L')] "" "longer sequences";
    Compare First [key(KeyCode::Home)] "" "back to the first step";
    Compare Last [key(KeyCode::End)] "" "on to the last step";
    Score RowDown [key(KeyCode::Down)] "select" "select the next completion";
    Score EditSelected [key(KeyCode::Enter)] "edit" "edit the selected line: the prompt or a completion";
    Score New [char('n')] "new" "another completion";
    Score Remove [key(KeyCode::Delete), key(KeyCode::Backspace)] "remove" "take the completion away";
    Score Step [key(KeyCode::Right)] "token" "the next token of the selected line";
    Score Audit [char('a')] "audit" "what the usual mistakes would give, and why they are mistakes";
    Score RowUp [key(KeyCode::Up)] "" "select the completion above, or the prompt";
    Score Back [key(KeyCode::Left)] "" "the token before";
    Score First [key(KeyCode::Home)] "" "the first token";
    Score Last [key(KeyCode::End)] "" "the last token";
    Everywhere Show(View::Step) [char('1')] "" "the next token, step by step";
    Everywhere Show(View::Temperature) [char('2')] "" "what temperature does to the distribution";
    Everywhere Show(View::Beam) [char('3')] "" "beam search as a growing tree";
    Everywhere Show(View::Compare) [char('4')] "" "strategies side by side";
    Everywhere Show(View::Score) [char('5')] "" "which of several texts the model prefers";
    Everywhere Show(View::Cost) [char('6')] "" "what decoding costs, with and without the cache";
    Everywhere Show(View::Lessons) [char('7')] "" "guided lessons";
    Everywhere Edit [char('i')] "prompt" "edit the prompt";
    Everywhere Stop [key(KeyCode::Esc)] "" "stop running; clear a message";
    Everywhere Theme [char('c')] "" "choose the colours";
    Everywhere Help [char('?'), key(KeyCode::F(1))] "help" "all keys";
    Everywhere Suspend [control('z')] "" "back to the shell; fg continues";
    Everywhere Quit [char('q'), control('c')] "leave" "leave";
    Help Up [key(KeyCode::Up), char('k')] "" "scroll up";
    Help Down [key(KeyCode::Down), char('j'), char(' ')] "" "scroll down";
    Help Close [key(KeyCode::Esc), char('?'), char('q'), key(KeyCode::Enter)] "close" "close help";
    Help Quit [control('c')] "" "leave";
    Prompt Accept [key(KeyCode::Enter)] "accept" "start again from this prompt";
    Prompt Close [key(KeyCode::Esc)] "keep the old one" "keep the old prompt";
    Prompt Quit [control('c')] "" "leave";
    Line Accept [key(KeyCode::Enter)] "accept" "take what was typed";
    Line Close [key(KeyCode::Esc)] "keep the old one" "keep the old line";
    Line Quit [control('c')] "" "leave";
    Picker Up [key(KeyCode::Up), char('k')] "" "up";
    Picker Down [key(KeyCode::Down), char('j')] "" "down";
    Picker Accept [key(KeyCode::Enter), char(' ')] "add" "add the stage";
    Picker Close [key(KeyCode::Esc), char('q')] "close" "close without adding";
    Picker Quit [control('c')] "" "leave";
    Themes Up [key(KeyCode::Up), char('k')] "" "the theme above, at once";
    Themes Down [key(KeyCode::Down), char('j'), char('c')] "" "the theme below, at once";
    Themes Accept [key(KeyCode::Enter), char(' ')] "take" "take this theme";
    Themes Close [key(KeyCode::Esc), char('q')] "keep the old one" "back to the theme before";
    Themes Quit [control('c')] "" "leave";
}
