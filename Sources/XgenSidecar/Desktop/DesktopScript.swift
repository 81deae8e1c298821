/// What a desktop is made of: programs of Debian's packages, started by a shell, which reads this
/// from its standard input.
///
/// | program | |
/// | --- | --- |
/// | Xtigervnc | the display, and the VNC server of it, on a Unix socket |
/// | openbox | the window manager |
/// | websockify | noVNC's pages and the way to the VNC server, on 127.0.0.1:6080 |
enum DesktopScript {
  /// The exit code where a program is missing: it would be missing again.
  static let missingProgram: Int32 = 127

  /// Its environment holds the password. It ends when the display does, with all that it has
  /// started, and says why on standard error. What X says is kept up to 64 KiB: clients make it say
  /// things.
  ///
  /// Clients find the display only once the window manager manages it: a window that appears while
  /// openbox starts is never shown.
  static let text = #"""
    desktop() {
      missing=
      for need in Xtigervnc:tigervnc-standalone-server tigervncpasswd:tigervnc-tools \
        openbox:openbox websockify:websockify /usr/share/novnc/vnc.html:novnc
      do
        command -v "${need%%:*}" >/dev/null || [ -f "${need%%:*}" ] || missing="$missing ${need#*:}"
      done
      if [ -n "$missing" ]; then
        echo "it needs the Debian packages$missing" >&2
        exit 127
      fi
      umask 077
      dir=/tmp/.xgen-desktop
      x11=/tmp/.X11-unix
      rm -rf "$dir" /tmp/.X99-lock "$x11/X99" "$x11/X0"
      mkdir -p "$dir/web" && mkfifo "$dir/log" "$dir/ready" || exit 1
      printf %s "$SANDBOX_DESKTOP_PASSWORD" | tigervncpasswd -f >"$dir/password" || exit 1
      unset SANDBOX_DESKTOP_PASSWORD
      ln -s /usr/share/novnc/* "$dir/web"
      rm -f "$dir/web/index.html"
      cat >"$dir/web/index.html" <<'END' || exit 1
    <!DOCTYPE html>
    <meta charset="utf-8">
    <title>Desktop</title>
    <script>
    location.replace("vnc.html?autoconnect=true&reconnect=true&resize=remote" + location.hash)
    </script>
    <a href="vnc.html">Desktop</a>
    END
      cat >"$dir/up" <<END || exit 1
    ln "$x11/X99" "$x11/X0" || exit
    while :; do
      websockify --web "$dir/web" --heartbeat 30 --unix-target "$dir/rfb" 127.0.0.1:6080
      sleep 1
    done
    END
      { head -c 65536 >"$dir/x.log"; exec cat >/dev/null; } <"$dir/log" &
      reader=$!
      Xtigervnc :99 -displayfd 3 -geometry 1280x800 -depth 24 -desktop Sandbox -nolisten tcp \
        -rfbport -1 -rfbunixpath "$dir/rfb" -rfbunixmode 0600 -SecurityTypes VncAuth \
        -PasswordFile "$dir/password" -UseBlacklist=0 -AlwaysShared -Log '*:stderr:0' \
        3>"$dir/ready" >"$dir/log" 2>&1 &
      x=$!
      if read -r _ <"$dir/ready"; then
        while :; do
          DISPLAY=:99 openbox --startup "sh $dir/up" >/dev/null 2>&1
          sleep 1
        done &
        wait "$x"
        echo "the display ended with exit code $?" >&2
      else
        wait "$x" "$reader"
        echo "the display does not start: $(tail -n 1 "$dir/x.log")" >&2
      fi
      kill -KILL 0
    }
    desktop </dev/null
    """#
}
