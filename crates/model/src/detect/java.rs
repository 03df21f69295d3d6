//! Java: a Maven or Gradle project, or a finished jar.

use super::dockerfile::{copy, copy_all, copy_built, plain, run_script};
use super::runtimes::leading;
use super::{Image, Runtime, Runtimes, Source, Stage, failure};
use crate::failure::{Failure, FailureCode};
use crate::name::ImageName;
use crate::spec::Command;

const MAVEN: &str = "pom.xml";
const GRADLE: &[&str] = &["build.gradle", "build.gradle.kts"];

/// Elements and properties by which projects say their Java version, the most telling first.
const VERSIONS: &[&str] = &[
    "java.version",
    "maven.compiler.release",
    "maven.compiler.target",
    "maven.compiler.source",
];

/// Finds the one jar that can be started and puts it, with what lies beside it for it, into `/out`.
const COLLECT: &str = "set -e; mkdir -p /out; \
    if [ -f target/quarkus-app/quarkus-run.jar ]; then cp -a target/quarkus-app/. /out/; mv /out/quarkus-run.jar /out/app.jar; exit 0; fi; \
    if [ -f build/quarkus-app/quarkus-run.jar ]; then cp -a build/quarkus-app/. /out/; mv /out/quarkus-run.jar /out/app.jar; exit 0; fi; \
    found=; for jar in $(find . \\( -path '*/target/*.jar' -o -path '*/target/*.war' -o -path '*/build/libs/*.jar' -o -path '*/build/libs/*.war' \\) -not -name '*-sources.jar' -not -name '*-javadoc.jar' -not -name '*-tests.jar' -not -name 'original-*' | sort); do \
    if unzip -p \"$jar\" META-INF/MANIFEST.MF 2>/dev/null | grep -q '^Main-Class:'; then found=\"$found $jar\"; fi; done; \
    set -- $found; \
    if [ $# -ne 1 ]; then echo \"The build made $# jars that name a Main-Class, and must make one:$found\" >&2; exit 1; fi; \
    cp \"$1\" /out/app.jar; for beside in lib libs dependency dependencies; do if [ -d \"$(dirname \"$1\")/$beside\" ]; then cp -a \"$(dirname \"$1\")/$beside\" /out/; fi; done";

pub(super) fn sign(source: Source<'_>) -> Option<String> {
    let gradle = source.first(GRADLE);
    let sign = source.has(MAVEN).then_some(MAVEN).or(gradle)?;
    Some(sign.to_owned())
}

/// A finished program at the top.
pub(super) fn jar_sign(source: Source<'_>) -> Option<String> {
    jar(source).map(str::to_owned)
}

/// The only jar at the top whose name needs no quoting.
fn jar(source: Source<'_>) -> Option<&str> {
    let mut jars = source
        .paths
        .iter()
        .filter(|path| path.ends_with(".jar") && plain(path));
    let first = jars.next()?;
    jars.next().is_none().then_some(first.as_str())
}

pub(super) fn image(
    source: Source<'_>,
    runtimes: &Runtimes,
    why: String,
) -> Result<Image, Failure> {
    let (maven, gradle) = (source.text(MAVEN), source.first(GRADLE));
    let text = maven
        .or_else(|| gradle.and_then(|file| source.text(file)))
        .unwrap_or("");
    let chosen = version(
        source,
        text,
        if maven.is_some() {
            MAVEN
        } else {
            gradle.unwrap_or("")
        },
        runtimes,
    )?;
    let base = chosen.1.clone();
    let mut image = Image::new(chosen, why);
    let body = match (source.has(MAVEN), gradle) {
        (true, _) => maven_steps(text),
        (false, Some(file)) => gradle_steps(source, file)?,
        (false, None) => {
            image.body.push(copy_all());
            match jar(source) {
                Some(jar) => image.start = Some((command(text, jar), jar.to_owned())),
                None => {
                    image.unclear = Some(
                        "there is neither a pom.xml nor a build.gradle nor exactly one jar at the top".to_owned(),
                    );
                }
            }
            return Ok(image);
        }
    };
    if is_plain_war(text) {
        let evidence =
            "the project makes a war that wants a servlet container; add a Dockerfile with one";
        return Err(failure(FailureCode::NothingDetected, evidence));
    }
    image.build = Some(Stage { base, body });
    image.body.push(copy_built("/out/", "/app/"));
    image.start = Some((command(text, "app.jar"), image.why.clone()));
    Ok(image)
}

fn maven_steps(pom: &str) -> Vec<String> {
    let flags = "-B -ntp -Dmaven.repo.local=/root/.m2/repository";
    let mut steps = Vec::new();
    if element(pom, "modules").is_none() && element(pom, "relativePath").is_none_or(str::is_empty) {
        // Plug-ins resolve some of what they need only when they run, so the layer may be incomplete and is no less
        // useful; what is really missing is said by the build.
        steps.extend([
            copy(&[MAVEN]),
            format!("RUN mvn {flags} dependency:go-offline || true"),
        ]);
    }
    steps.extend([
        "COPY . .".to_owned(),
        format!("RUN mvn {flags} -DskipTests package"),
        run_script::<&str>(COLLECT, &[]),
    ]);
    steps
}

fn gradle_steps(source: Source<'_>, file: &str) -> Result<Vec<String>, Failure> {
    if !source.has("gradlew") {
        let evidence = format!(
            "{file} was found without its wrapper; `gradle wrapper` makes it, and it belongs into the source"
        );
        return Err(failure(FailureCode::NothingDetected, evidence));
    }
    Ok(vec![
        "COPY . .".to_owned(),
        "RUN sh ./gradlew --no-daemon --console=plain assemble".to_owned(),
        run_script::<&str>(COLLECT, &[]),
    ])
}

/// Frameworks read a port from variables of their own names; the property is nothing to those that do not know it.
fn command(text: &str, jar: &str) -> Command {
    // Three quarters of the memory limit for the heap; the rest is threads and code.
    const JAVA: &str = "java -XX:MaxRAMPercentage=75";
    let mut line = JAVA.to_owned();
    if text.contains("spring-boot") || text.contains("springframework.boot") {
        line.push_str(" -Dserver.port=$PORT");
    }
    if text.contains("quarkus") {
        line.push_str(" -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=$PORT");
    }
    if text.contains("micronaut") {
        line.push_str(" -Dmicronaut.server.port=$PORT");
    }
    let line = format!("{line} -jar {jar}");
    if line.contains('$') {
        return Command::Shell(line);
    }
    Command::Argv(line.split(' ').map(str::to_owned).collect())
}

/// A war that only a container starts; Spring Boot's start by themselves.
fn is_plain_war(text: &str) -> bool {
    element(text, "packaging") == Some("war") && !text.contains("spring-boot")
}

fn version(
    source: Source<'_>,
    text: &str,
    from: &str,
    runtimes: &Runtimes,
) -> Result<(String, ImageName), Failure> {
    let in_properties = || {
        let lines = source.text("system.properties")?.lines();
        let value = lines
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == "java.runtime.version")?;
        Some((value.1.trim().to_owned(), "system.properties"))
    };
    let in_file = || Some((source.line(".java-version")?.to_owned(), ".java-version"));
    let in_project = || {
        let maven = VERSIONS.iter().find_map(|name| element(text, name));
        let gradle = || {
            let (_, rest) = text
                .split_once("JavaLanguageVersion.of(")
                .or_else(|| text.split_once("JavaVersion.VERSION_"))?;
            rest.split(|c: char| !c.is_ascii_digit() && c != '_').next()
        };
        Some((maven.or_else(gradle)?.trim().to_owned(), from))
    };
    let wanted = in_properties()
        .or_else(in_file)
        .or_else(in_project)
        .filter(|(text, _)| !text.contains("${") && !text.is_empty());
    match wanted {
        // Java's compiler makes programs for earlier versions, and its machine runs them.
        Some((wanted, from)) => runtimes.choose(Runtime::Java, Some((&wanted, from)), |offered| {
            let asked = major(&wanted);
            asked.is_some_and(|asked| offered.first().is_some_and(|offered| *offered >= asked))
        }),
        None => runtimes.choose(Runtime::Java, None, |_| true),
    }
}

/// `17`, `17.0.2`, `1.8` (which is 8) and `1_8` as one number.
fn major(version: &str) -> Option<u64> {
    let text = version.replace('_', ".");
    let numbers = leading(text.trim_start_matches(|c: char| !c.is_ascii_digit()))?;
    match numbers.as_slice() {
        [1, minor, ..] => Some(*minor),
        [major, ..] => Some(*major),
        [] => None,
    }
}

/// The text of the first element of this name outside of comments. Whole documents are not read: what matters are a
/// few plain elements, and a build says itself what is wrong with its file.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = text;
    loop {
        let at = rest.find('<')?;
        rest = rest.get(at + 1..)?;
        if let Some(comment) = rest.strip_prefix("!--") {
            let end = comment.find("-->")?;
            rest = comment.get(end + 3..)?;
        } else if let Some(inside) = rest
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('>'))
        {
            let end = inside.find("</")?;
            return inside.get(..end).map(str::trim);
        } else if let Some(after) = rest.strip_prefix(name)
            && after.trim_start().starts_with("/>")
        {
            return Some("");
        }
    }
}
