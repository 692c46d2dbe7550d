"""The configuration of the outside world's FreeSWITCH: one SIP profile that parks whatever rings it."""

from __future__ import annotations

from pathlib import Path

_FREESWITCH_XML = """<?xml version="1.0"?>
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <X-PRE-PROCESS cmd="set" data="send_silence_when_idle=-1"/>
  <X-PRE-PROCESS cmd="set" data="playback_terminators=none"/>
  <section name="configuration">
    <configuration name="modules.conf">
      <modules>
        <load module="mod_logfile"/>
        <load module="mod_event_socket"/>
        <load module="mod_commands"/>
        <load module="mod_dptools"/>
        <load module="mod_dialplan_xml"/>
        <load module="mod_sofia"/>
        <load module="mod_sndfile"/>
        <load module="mod_tone_stream"/>
      </modules>
    </configuration>
    <configuration name="switch.conf">
      <settings>
        <param name="1ms-timer" value="true"/>
        <param name="max-sessions" value="$${ccd_max_sessions}"/>
        <param name="sessions-per-second" value="1000"/>
        <param name="rtp-start-port" value="$${ccd_rtp_start}"/>
        <param name="rtp-end-port" value="$${ccd_rtp_end}"/>
        <param name="loglevel" value="$${ccd_loglevel}"/>
      </settings>
    </configuration>
    <configuration name="logfile.conf">
      <settings/>
      <profiles>
        <profile name="default">
          <settings/>
          <mappings><map name="all" value="console,debug,info,notice,warning,err,crit,alert"/></mappings>
        </profile>
      </profiles>
    </configuration>
    <configuration name="event_socket.conf">
      <settings>
        <param name="nat-map" value="false"/>
        <param name="listen-ip" value="$${ccd_esl_ip}"/>
        <param name="listen-port" value="$${ccd_esl_port}"/>
        <param name="password" value="$${ccd_esl_password}"/>
        <param name="apply-inbound-acl" value="loopback.auto"/>
      </settings>
    </configuration>
    <configuration name="acl.conf"><network-lists/></configuration>
    <configuration name="sofia.conf">
      <global_settings><param name="log-level" value="0"/></global_settings>
      <profiles>
        <profile name="outside">
          <settings>
            <param name="sip-ip" value="$${ccd_sip_ip}"/>
            <param name="sip-port" value="$${ccd_trunk_port}"/>
            <param name="rtp-ip" value="$${ccd_sip_ip}"/>
            <param name="dialplan" value="XML"/>
            <param name="context" value="phones"/>
            <param name="auth-calls" value="false"/>
            <param name="inbound-codec-prefs" value="PCMA,PCMU"/>
            <param name="outbound-codec-prefs" value="PCMA,PCMU"/>
            <param name="rtp-timer-name" value="soft"/>
            <param name="rfc2833-pt" value="101"/>
            <param name="manage-presence" value="false"/>
            <param name="disable-srv" value="true"/>
            <param name="disable-naptr" value="true"/>
            <param name="max-recv-requests-per-second" value="5000"/>
          </settings>
        </profile>
      </profiles>
    </configuration>
  </section>
  <section name="dialplan">
    <context name="phones">
      <extension name="ring"><condition><action application="park"/></condition></extension>
    </context>
  </section>
</document>
"""


def write_outside_config(folder: Path) -> Path:
    """Write the configuration below `folder` and return where it is."""
    config = folder / "outside-config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "freeswitch.xml").write_text(_FREESWITCH_XML)
    return config
