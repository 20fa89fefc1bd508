"""The page of the gallery: its HTML and its style."""

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>outcomes: gallery</title>
<style>
:root { color-scheme: light dark; --ink: #1c2328; --soft: #55606a; --line: #d5dbe0;
  --paper: #fff; --tint: #f3f6f8; --link: #005a8f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #aab4bd;
  --line: #3a444d; --paper: #14191e; --tint: #1f272e; --link: #7cc4f2; } }
body { margin: 0 auto; padding: 1.5rem 1.25rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }
h2 { margin-top: 3rem; padding-top: .8rem; border-top: 2px solid var(--ink); }
h3 { margin-top: 2.4rem; }
a { color: var(--link); }
nav ul { columns: 2 16rem; padding-left: 1.2rem; }
pre { background: var(--tint); padding: .7rem .9rem; overflow-x: auto; font-size: .84rem;
  line-height: 1.45; border-radius: .3rem; }
blockquote { margin: .8rem 0; padding-left: .9rem; border-left: 4px solid var(--link); }
figure { margin: 1.2rem 0; break-inside: avoid; }
figure img { max-width: 100%; height: auto; background: #fff; }
figcaption { color: var(--soft); font-size: .88rem; max-width: 46rem; }
.table { overflow-x: auto; font-size: .88rem; }
table { border-collapse: collapse; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
</style>
</head>
<body>
<main>
<h1>Gallery</h1>
<p>What each question gives back: its code, its sentence, its table and its pictures, all made on
this computer from the invented sample. Nothing here says anything about ketamine.</p>
<nav aria-label="Families"><ul>
{% for family, shown in families.items() %}
<li><a href="#{{ place(family) }}">{{ family }}</a> ({{ shown | length }})</li>
{% endfor %}
</ul></nav>
{% for family, shown in families.items() %}
<h2 id="{{ place(family) }}">{{ family }}</h2>
{% for e in shown %}
<section>
<h3 id="{{ place(family) }}-{{ e.place }}">{{ e.title }}</h3>
<p>{{ e.asks }} (<code>{{ e.name }}</code>)</p>
<pre tabindex="0"><code>{{ e.code }}</code></pre>
<blockquote>{{ e.sentence }}</blockquote>
<div class="table" tabindex="0">{{ e.table | safe }}</div>
{% for p in e.pictures %}
<figure><img src="{{ p.src }}" alt="{{ p.alt }}">
<figcaption><code>{{ p.kind }}</code>: {{ p.caption }}</figcaption></figure>
{% endfor %}
</section>
{% endfor %}
{% endfor %}
</main>
</body>
</html>
"""
