#include "tuner/interrupt.h"

namespace nntune::tuner {
namespace {

volatile sig_atomic_t caught = 0;

void on_signal(int signal) {
  if (caught != 0) {
    // SA_RESETHAND would lose the first of two different signals; this keeps "the second one ends it" exact.
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  caught = 1;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  caught = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a wait for a worker returns at once.
  sigaction(SIGINT, &action, &old_int_);
  sigaction(SIGTERM, &action, &old_term_);
  sigaction(SIGHUP, &action, &old_hup_);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &old_int_, nullptr);
  sigaction(SIGTERM, &old_term_, nullptr);
  sigaction(SIGHUP, &old_hup_, nullptr);
  caught = 0;
}

bool interrupted() { return caught != 0; }

}  // namespace nntune::tuner
