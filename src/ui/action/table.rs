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
    Everywhere Show(View::Step) [char('1')] "" "the next token, step by step";
    Everywhere Show(View::Temperature) [char('2')] "" "what temperature does to the distribution";
    Everywhere Show(View::Beam) [char('3')] "" "beam search as a growing tree";
    Everywhere Show(View::Compare) [char('4')] "" "strategies side by side";
    Everywhere Show(View::Score) [char('5')] "" "which of several texts the model prefers";
    Everywhere Show(View::Cost) [char('6')] "" "what decoding costs, with and without the cache";
    Everywhere Show(View::Lessons) [char('7')] "" "guided lessons";
    Everywhere Edit [char('i')] "prompt" "edit the prompt";
    Everywhere Stop [key(KeyCode::Esc)] "" "stop running; clear a message";
    Everywhere Theme [char('c')] "" "dark or light colours";
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
    Picker Up [key(KeyCode::Up), char('k')] "" "up";
    Picker Down [key(KeyCode::Down), char('j')] "" "down";
    Picker Accept [key(KeyCode::Enter), char(' ')] "add" "add the stage";
    Picker Close [key(KeyCode::Esc), char('q')] "close" "close without adding";
    Picker Quit [control('c')] "" "leave";
}
