//! The contract that every store keeps, as functions over a factory, run for each kind of store.
//!
//! A new store (PostgreSQL) adds a [`support::Factory`] and one line at the end of this file. `both` compares the one in
//! memory with SQLite, answer by answer: what the simulator and the model check prove is worth that much.

#![allow(clippy::doc_markdown, clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "contract/both.rs"]
mod both;
#[path = "contract/checkpoints.rs"]
mod checkpoints;
#[path = "contract/moves.rs"]
mod moves;
#[path = "contract/plan.rs"]
mod plan;
#[path = "contract/random.rs"]
mod random;
#[path = "contract/ranges.rs"]
mod ranges;
#[path = "contract/reading.rs"]
mod reading;
#[path = "contract/settle.rs"]
mod settle;
#[path = "contract/support.rs"]
mod support;

/// All contracts for one factory.
macro_rules! contracts {
    ($store:ident: $factory:ty => $($module:ident::{$($name:ident),* $(,)?})*) => {
        mod $store {
            $($(
                #[test]
                fn $name() {
                    crate::$module::$name::<$factory>();
                }
            )*)*
        }
    };
}

/// Every contract; a list in one place so that no store can leave one out.
macro_rules! every_contract {
    ($store:ident: $factory:ty) => {
        contracts!($store: $factory =>
            plan::{
                a_run_comes_back_as_it_was_made,
                the_end_of_a_run_is_told_once,
                waves_add_up,
                ids_may_begin_anywhere_and_leave_gaps_between_waves,
                unsound_waves_are_refused_whole,
                rows_come_back_byte_for_byte,
                directories_come_deepest_first,
            }
            moves::{
                joining_fences_the_former_process,
                an_assignment_moves_exactly_its_transfers,
                an_operation_is_made_once,
                an_operation_number_has_one_meaning,
                wrong_assignments_change_nothing,
                a_load_names_every_transfer_once,
                a_take_over_moves_all_that_is_not_settled,
                settled_lots_are_compacted_when_there_are_many,
            }
            ranges::{
                a_lent_range_is_found_finished_and_merged,
                only_what_the_giver_holds_can_be_cut,
                an_assignment_of_ranges_is_made_once,
                a_helper_gives_back_whole_or_in_part,
                a_helper_divides_what_it_holds,
                one_range_is_cut_twice_at_once,
                a_hedge_is_a_copy,
                ranges_end_with_their_transfer,
                a_new_attempt_knows_nothing_of_the_old_one,
                what_a_dead_helper_held_comes_home,
                what_a_dead_home_lent_is_moot,
                a_shared_transfer_moves_only_by_fencing,
                sizes_are_exact_at_the_head_and_by_blocks_behind,
            }
            checkpoints::{
                a_checkpoint_is_replaced_and_ends_with_the_next_step,
                only_the_owner_records_what_is_durable,
                what_a_helper_finished_outlives_the_home,
            }
            settle::{
                done_is_final,
                everything_about_a_transfer_is_kept, the_first_error_and_all_attempts_outlive_a_retry,
                a_group_is_all_or_nothing,
                the_cursor_of_a_lot_passes_what_is_settled,
                released_transfers_are_planned_again,
                failed_ones_can_be_tried_again,
            }
            reading::{
                the_queue_is_paged_in_start_order,
                a_tail_holds_about_the_bytes,
                keys_are_found_by_any_part,
                the_manifest_lists_all_in_order,
                events_are_numbered_and_trimmed,
                one_current_peer_finishes,
            }
            random::{any_sequence_leaves_the_ledger_sound}
        );
    };
}

every_contract!(sqlite: crate::support::Sqlite);
every_contract!(sim: crate::support::InMemory);
