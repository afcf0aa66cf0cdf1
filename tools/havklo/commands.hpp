// The subcommands, and what their exit codes mean.
#pragma once

namespace CLI {
class App;
}

namespace havklo {

inline constexpr int exit_good = 0;    // what was asked holds
inline constexpr int exit_failed = 1;  // it does not: divergence, connection ended in failure
inline constexpr int exit_usage = 2;   // bad usage or configuration
// A sweep that was stopped (SIGTERM: 143): what it has printed is not the whole of it.
inline constexpr int exit_by_signal = 128;

// Each adds its subcommand, which sets `exit_code` when it has run.
void add_run_command(CLI::App& program, int& exit_code);
void add_exchange_command(CLI::App& program, int& exit_code);
void add_replay_command(CLI::App& program, int& exit_code);
void add_inspect_command(CLI::App& program, int& exit_code);
void add_sim_command(CLI::App& program, int& exit_code);
void add_merge_command(CLI::App& program, int& exit_code);
void add_demo_command(CLI::App& program, int& exit_code);

}  // namespace havklo
