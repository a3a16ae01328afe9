//! Control sockets (see the crate `control-socket`), and limits as sentences name them.

use std::time::Duration;
pub(crate) use twinhaul_control_socket::{bind, check_name, check_uid, connect, reach, unbind, who};

/// "5 s", "0.2 s": a limit as a sentence names it.
pub(crate) fn seconds(d: Duration) -> String {
    if d.subsec_millis() == 0 { format!("{} s", d.as_secs()) } else { format!("{:.1} s", d.as_secs_f64()) }
}
