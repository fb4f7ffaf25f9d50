#!/usr/bin/env bash
# Makes clip.flv; see README.md for what it is and why it is made so.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quiet=(-hide_banner -loglevel error -y)

# The picture. Every expression has a period that divides 16 s.
plasma="nullsrc=s=320x180:r=30:d=16,format=gbrp12,geq=\
r='1250+700*sin(2*PI*(T/16+0.55*X/W-0.25*Y/H))+420*sin(2*PI*(2*T/16-0.35*X/W+0.6*Y/H))':\
g='900+420*sin(2*PI*(T/16+0.4*X/W+0.5*Y/H)+2.2)+300*sin(2*PI*(-T/16+0.7*X/W)+0.6)':\
b='2050+800*sin(2*PI*(T/16-0.5*X/W+0.3*Y/H)+4.1)+380*sin(2*PI*(2*T/16+0.4*Y/H))',\
scale=640:360:flags=bicubic,format=yuv420p"
dot="color=c=white:s=36x36:r=30:d=16,format=rgba,\
geq=r=255:g=255:b=255:a='235*clip(17.5-hypot(X-17.5,Y-17.5),0,1)'"
bar="color=c=white:s=640x6:r=30:d=16"
ffmpeg "${quiet[@]}" -f lavfi -i "$plasma" -f lavfi -i "$dot" -f lavfi -i "$bar" -filter_complex "
  [0][1]overlay=x='496+64*sin(PI*t)-18':y='180-64*cos(PI*t)-18'[a];
  [a][2]overlay=x='40*t-640':y=354,
  drawtext=font='DejaVu Sans':text=airloom:fontsize=76:fontcolor=white:x=52:y=118,
  drawtext=font='DejaVu Sans':text='demo stream':fontsize=28:fontcolor=white@0.85:x=57:y=208,
  drawtext=font='DejaVu Sans Mono':text='%{eif\:t\:d\:2}\:%{eif\:mod(n,30)\:d\:2}':fontsize=24:fontcolor=white:x=460:y=170,
  format=yuv420p[v]" -map '[v]' \
  -c:v libx264 -profile:v high -preset veryslow -crf 21 -maxrate 700k -bufsize 700k \
  -bf 2 -x264-params 'bframes=2:b-adapt=0:keyint=30:min-keyint=30:scenecut=0:open-gop=0' \
  -threads 1 -bitexact "$work/video.mp4"

# The sound: four soft chords of 4 s and a quiet bell on every second, 45 ms late (67 ms of
# decoder delay of the picture less 21 ms of the audio encoder's own), three turns long.
chord() { # when, frequencies
  local at=$1; shift
  local sum="" f
  for f in "$@"; do sum+="+sin(2*PI*$f*t)"; done
  echo "+pow(max(0,cos(PI*(t-0.0453-$at)/8)),6)*(0$sum)"
}
pad="$(chord 2 220 261.625 329.625 392)$(chord 6 174.625 220 261.625 329.625)\
$(chord 10 196 261.625 329.625 392)$(chord 14 196 246.9375 293.6875 392)"
bell="exp(-7*mod(t+0.9547,1))*sin(2*PI*1046.5*mod(t+0.9547,1))"
ffmpeg "${quiet[@]}" -f lavfi -i "aevalsrc='0.035*(0$pad)+0.03*$bell|0.035*(0$pad)+0.04*$bell':s=48000:d=48" \
  -af lowpass=f=6000 -c:a aac -b:a 96k -bitexact "$work/audio.m4a"

# The middle turn, so that the first frame of the loop follows the last as any other, and
# both tracks' first decode times at zero. 16 s are 480 pictures and 750 frames of audio.
ffmpeg "${quiet[@]}" -itsoffset 0.0666667 -i "$work/video.mp4" \
  -itsoffset -16 -ignore_editlist 1 -ss 16 -i "$work/audio.m4a" -map 0:v -map 1:a -c copy -copyts \
  -frames:a 750 -bitexact -flvflags no_duration_filesize clip.flv
